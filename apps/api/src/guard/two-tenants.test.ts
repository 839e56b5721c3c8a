import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSchema, getNamedType, isObjectType, type GraphQLSchema } from 'graphql';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from '../index.ts';
import { manageKeys } from './manage-keys.ts';
import { transportsOf, type Ask } from './testing/ask-transports.ts';
import { coordinatesIn, selectAll, type Arguments } from './testing/select-all.ts';
import { startTestServer } from '../testing/open.ts';

/*
 * Two tenants on one server: everything of A that the schema can show is asked for by B, with A's ids, on every transport.
 * The operations are made from the schema. A new root field, or a new field with arguments, fails until it has a line here.
 */

/** What root fields are asked for with. `$id` is a generation of A, `$retried` its retry, `$picture` an upload. */
const roots: Readonly<Record<string, string>> = {
  'Query.generation': '(id: $id)',
  'Query.generations': '(first: 2)',
  'Query.model': '(name: "quick")',
  'Query.models': '',
  'Query.node': '(id: $id)',
  'Query.nodes': '(ids: [$id, $retried, $picture, $image])',
  'Query.plugins': '',
  'Query.pluginProblems': '',
  'Query.service': '',
  'Mutation.cancelGeneration': '(input: { id: $id })',
  'Mutation.retryGeneration': '(input: { id: $id, seed: 5 })',
  'Mutation.deleteGeneration': '(input: { id: $id })',
  'Mutation.createGeneration':
    '(input: { model: "quick", images: [{ condition: { label: 1 } }], edit: { image: $picture, region: { inside: { x0: 0, y0: 0, x1: 1, y1: 0.5 } } } })',
  'Subscription.generationEvents': '(id: $id, after: 0)',
};

const fieldArguments: Arguments = { 'Generation.events': '(first: 10)' };

/** What is the same for everyone. */
const shared = ['Query.model', 'Query.models', 'Query.plugins', 'Query.pluginProblems'];

/** Object types of which this server has shown A none: errors of other causes, and what did not happen here. */
const notHere = [
  ...['CanceledEvent', 'FailedEvent', 'LoadingEvent', 'RestartedEvent', 'WaitingEvent', 'GenerationFailure'],
  ...['IdempotencyConflict', 'NotFound', 'QueueFull', 'QuotaExceeded', 'RequestError', 'Unavailable', 'PluginProblem'],
  'Conformance',
  ...['InputCondition', 'NoCondition', 'TokenDetails', 'DeleteGenerationPayload'],
  // Of admins alone.
  ...['Service', 'QueueShare', 'WorkerModel', 'Worker', 'RecentFailure'],
];

const root = mkdtempSync(join(tmpdir(), 'tessera-tenants-'));
const dataDirectory = join(root, 'data');
const schema: GraphQLSchema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const unknown = { id: '00000000-0000-4000-8000-000000000000', picture: '0'.repeat(64) };

let server: RunningServer;
let keys: { readonly a: string; readonly b: string };
/** Ids of A, by the names of `roots`, and whatever else only A may see. */
let ids: Readonly<Record<'id' | 'retried' | 'picture' | 'image', string>>;
const seed = 987_654_321;

beforeAll(async () => {
  await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  keys = await manageKeys(
    async (all) => {
      const make = (tenant: string) => all.create({ tenant, name: 'test', admin: false, limits: {} });
      return { a: (await make('a'))!.secret, b: (await make('b'))!.secret };
    },
    { TESSERA_DATA: dataDirectory },
  );
  const options = {
    port: 0,
    address: '127.0.0.1',
    dataDirectory,
    playground: join(root, 'none'),
    auth: 'keys' as const,
  };
  server = await startTestServer({ ...options, modelFolders: [join(root, 'quick')] });
  ids = await fill(transportsOf(server.url, keys.a));
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

/** A's uploads and generations. */
async function fill({ HTTP, WebSocket }: ReturnType<typeof transportsOf>): Promise<typeof ids> {
  const picture = await upload(keys.a, '#fff');
  const create = `mutation ($picture: ID!) { createGeneration(input: { model: "quick", seed: ${seed}, idempotencyKey: "once",
    size: { width: 48, height: 32 }, images: [{ condition: { label: 1 }, count: 2 }], edit: { image: $picture, region: { inside: { x0: 0, y0: 0, x1: 1, y1: 0.5 } } } }) {
    __typename ... on CreateGenerationPayload { generation { id } } ... on Error { message } } }`;
  const [made] = await HTTP(create, { picture });
  const id = idIn(made!.data);
  const retry = `mutation ($id: ID!) { retryGeneration(input: { id: $id, seed: ${seed + 5} }) {
    __typename ... on RetryGenerationPayload { generation { id } } } }`;
  const retried = idIn((await HTTP(retry, { id }))[0]!.data);
  for (const one of [id, retried]) {
    await WebSocket('subscription ($id: ID!) { generationEvents(id: $id) { seq } }', { id: one });
  }
  const [shown] = await HTTP(
    'query ($id: ID!) { generation(id: $id) { ... on Generation { images { picture { id } } } } }',
    { id },
  );
  return { id, retried, picture, image: idIn(shown!.data) };
}

/** A picture of one colour; returns its id. */
async function upload(key: string, background: string): Promise<string> {
  const png = await sharp({ create: { width: 32, height: 32, channels: 3, background } })
    .png()
    .toBuffer();
  const headers = { 'content-type': 'image/png', authorization: `Bearer ${key}` };
  const sent = await fetch(`${server.url}/v1/uploads`, { method: 'POST', headers, body: new Uint8Array(png) });
  return ((await sent.json()) as { id: string }).id;
}

/** The first id in an answer. */
function idIn(data: unknown): string {
  const found = /"id":"([^"]+)"/.exec(JSON.stringify(data))?.[1];
  if (found === undefined) throw new Error(`no id in ${JSON.stringify(data)}`);
  return found;
}

/** Every root field with every selection below it. */
function operations(): [string, string][] {
  const types = [schema.getQueryType()!, schema.getMutationType()!, schema.getSubscriptionType()!];
  return types.flatMap((type) =>
    Object.values(type.getFields()).flatMap((field) => {
      const name = `${type.name}.${field.name}`;
      const args = roots[name];
      if (args === undefined) throw new Error(`${name} is new: say in the matrix what it is asked for with`);
      const declared = ['id', 'retried', 'picture', 'image'].filter((one) => args.includes(`$${one}`));
      const head = declared.length > 0 ? `(${declared.map((one) => `$${one}: ID!`).join(', ')})` : '';
      const selections = selectAll(schema, getNamedType(field.type), fieldArguments).flatMap(fitting);
      return selections.map((selection): [string, string] => {
        return [name, `${type.name.toLowerCase()} ${head} { ${field.name}${args} { ${selection} } }`];
      });
    }),
  );
}

/** Of token details only few fit into an answer: each list is asked for alone, of two events. */
function fitting(selection: string): string[] {
  const lists = 'codes entropies logProbabilities topCodes topProbabilities';
  if (!selection.includes(lists)) return [selection];
  return lists.split(' ').map((one) => selection.replace(lists, one).replace('(first: 10)', '(first: 2)'));
}

/** A's ids in the place of what a document declares. */
function variablesOf(query: string, of: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(of).filter(([name]) => query.includes(`$${name}: ID!`)));
}

const isOfMutation = ([name]: readonly [string, string]) => name.startsWith('Mutation.');
const secrets = () => [...Object.values(ids), String(seed), String(seed + 5)];

describe('what A has', () => {
  it('is shown to A: every field of the schema, or the matrix would prove nothing', async () => {
    const ask = transportsOf(server.url, keys.a).WebSocket;
    const seen = new Set<string>();
    for (const [name, query] of operations()) {
      // Its own would end, or repeat, what the others ask for.
      if (isOfMutation([name, query])) continue;
      const answers = await ask(query, variablesOf(query, ids));
      const errors = answers.flatMap((answer) => answer.errors ?? []);
      expect([query, errors]).toEqual([query, []]);
      for (const { data } of answers) for (const one of coordinatesIn(data)) seen.add(one);
    }
    const all = Object.values(schema.getTypeMap()).filter(
      (type) => isObjectType(type) && !type.name.startsWith('__') && !notHere.includes(type.name),
    );
    const missing = all.flatMap((type) => {
      if (!isObjectType(type) || /^(Query|Mutation|Subscription)$/.test(type.name) || type.name.endsWith('Payload'))
        return [];
      return Object.keys(type.getFields()).map((field) => `${type.name}.${field}`);
    });
    expect(missing.filter((one) => !seen.has(one))).toEqual([]);
  });
});

describe.each(['HTTP', 'WebSocket', 'SSE'] as const)('B over %s', (transport) => {
  let ask: Ask;
  beforeAll(() => void (ask = transportsOf(server.url, keys.b)[transport]));

  it('sees, follows, edits, cancels, retries and deletes nothing of A: each answer is that to an id of nothing', async () => {
    for (const [name, query] of operations()) {
      if (transport === 'HTTP' && name.startsWith('Subscription.')) continue;
      const answers = JSON.stringify(await ask(query, variablesOf(query, ids)));
      if (shared.includes(name)) continue;
      const other = { id: unknown.id, retried: unknown.id, picture: unknown.picture, image: unknown.picture };
      const toNothing = JSON.stringify(await ask(query, variablesOf(query, other)));
      const words = (text: string) => text.replace(/[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID');
      expect([query, words(answers)]).toEqual([query, words(toNothing)]);
      for (const secret of secrets()) {
        // A refusal may repeat the id that it was asked for.
        const told = answers.replaceAll(/"message":"(\\.|[^"\\])*"/g, '');
        expect([query, told.includes(secret)]).toEqual([query, false]);
      }
    }
  });

  it("makes its own with A's idempotency key", async () => {
    const create = `mutation { createGeneration(input: { model: "quick", seed: 3, idempotencyKey: "once" }) {
      __typename ... on CreateGenerationPayload { existed generation { id seed } } ... on Error { message } } }`;
    const text = JSON.stringify(await ask(create));
    expect(text).toContain('"seed":3');
    for (const secret of secrets()) expect(text).not.toContain(secret);
  });

  it('redraws nothing by a mask of A', async () => {
    const create = `mutation ($own: ID!, $mask: ID!) { createGeneration(input: { model: "quick",
      edit: { image: $own, region: { mask: $mask } } }) { __typename ... on Error { code } } }`;
    const own = await upload(keys.b, '#123');
    for (const mask of [ids.image, unknown.picture]) {
      const [answer] = await ask(create, { own, mask });
      expect(answer!.data).toEqual({ createGeneration: { __typename: 'NotFound', code: 'unknown-picture' } });
    }
  });

  it('is no admin', async () => {
    const [answer] = await ask('{ service { __typename ... on Error { code } } }');
    expect(answer!.data).toEqual({ service: { __typename: 'RequestError', code: 'admin-needed' } });
  });

  it('counts its own alone', async () => {
    const [answer] = await ask('{ generations(first: 5) { totalCount nodes { id seed } } }');
    const { generations } = answer!.data as { generations: { totalCount: number; nodes: { seed: number }[] } };
    expect(generations.nodes.every((one) => one.seed === 3)).toBe(true);
    expect(generations.totalCount).toBe(generations.nodes.length);
  });
});

/** Every route of the OpenAPI document: what B sends with ids of A; null where a route takes none and gives none. */
const routes: Readonly<Record<string, ((of: { id: string; picture: string }) => [string, object?]) | null>> = {
  'get /v1/generations/{id}': ({ id }) => [`/v1/generations/${id}`],
  'get /v1/generations/{id}/events': ({ id }) => [`/v1/generations/${id}/events`],
  'post /v1/generations/{id}/cancel': ({ id }) => [`/v1/generations/${id}/cancel`],
  'delete /v1/generations/{id}': ({ id }) => [`/v1/generations/${id}`],
  'post /v1/generations': ({ picture }) => ['/v1/generations', { model: 'quick', edit: { image: picture } }],
  'get /images/{name}': ({ picture }) => [`/images/${picture}.png`],
  ...Object.fromEntries(
    [
      ...['post /v1/uploads', 'get /v1/models', 'get /v1/models/{model}', 'get /v1/models/{model}/samples'],
      ...[
        'post /v1/images/generations',
        'post /v1/images/edits',
        'get /openapi.json',
        'get /healthz',
        'get /readyz',
        'get /metrics',
      ],
      // Its own secret, made from the tenant's name.
      'get /v1/webhooks/secret',
    ].map((route) => [route, null]),
  ),
};

it('gives B over REST what it gives to an id of nothing, on each documented route', async () => {
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Record<string, object> };
  const ask = async (method: string, [path, body]: [string, object?]) => {
    const headers = { authorization: `Bearer ${keys.b}`, 'content-type': 'application/json' };
    const init = { method: method.toUpperCase(), headers, ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(server.url + path, init);
    return [answer.status, (await answer.text()).replace(/[0-9a-f-]{36,64}/g, 'ID')];
  };
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const attack = routes[`${method} ${path}`];
      if (attack === undefined) throw new Error(`${method} ${path} is new: say in the matrix what B may send to it`);
      if (attack === null) continue;
      const found = await ask(method, attack(ids));
      expect([path, method, ...found]).toEqual([path, method, ...(await ask(method, attack(unknown)))]);
      expect([path, [400, 401, 404].includes(Number(found[0]))]).toEqual([path, true]);
    }
  }
});

it('leaves everything of A as it was', async () => {
  const ask = transportsOf(server.url, keys.a).HTTP;
  const [answer] = await ask('{ generations(first: 10) { totalCount nodes { id state seed } } }');
  expect(answer!.data).toEqual({
    generations: {
      totalCount: 2,
      nodes: [
        { id: ids.retried, state: 'COMPLETED', seed: seed + 5 },
        { id: ids.id, state: 'COMPLETED', seed },
      ],
    },
  });
});
