import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { startServer, type RunningServer } from './index.ts';
import { createQuery, ofLabels, testClient, type TestClient } from './testing/test-client.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-api-'));
const quickFolder = join(root, 'quick');
const slowFolder = join(root, 'slow');
const setsFolder = join(root, 'sets');
const options = {
  port: 0,
  address: '127.0.0.1',
  dataDirectory: join(root, 'data'),
  playground: join(root, 'none'),
  modelFolders: [quickFolder, slowFolder, setsFolder],
};
let server: RunningServer;
let client: TestClient;

beforeAll(async () => {
  await writeRandomModel(quickFolder, { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(slowFolder, { name: 'slow', width: 192, depth: 8, channels: 3 });
  await writeRandomModel(setsFolder, { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  server = await startServer(options);
  client = testClient(server.url);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const create = (input: object) => client.create(input);

/** As long as one can be: long enough to be interrupted. */
const slowInput = { model: 'slow', images: { condition: { label: 3 }, count: 64 }, preview: 'NONE' };

describe('health and models', () => {
  it('says the target, and which models there are', async () => {
    const response = await fetch(`${server.url}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ok', target: 'onnx', models: ['quick', 'slow', 'sets'] });
    const query =
      '{ models { name title classes { label name } parameters vocabulary image { height width channels } tokens layout { start height width } options guidanceOff defaults { guidance preview } } }';
    const { models } = await client.query<{ models: Record<string, unknown>[] }>(query);
    expect(models[0]).toMatchObject({
      name: 'quick',
      vocabulary: 64,
      image: { height: 32, width: 32, channels: 1 },
      tokens: 130,
      options: { type: 'object', properties: { topK: { type: 'integer', default: 32, minimum: 0, maximum: 64 } } },
      guidanceOff: 0,
      defaults: { guidance: 1.5, preview: 'LINEAR' },
    });
    expect(models[0]!['layout']).toContainEqual({ start: 5, height: 3, width: 3 });
    expect(models[0]!['classes']).toContainEqual({ label: 3, name: 'three' });
  });
});

describe('a generation', () => {
  it('goes from queued over every step to images', async () => {
    const images = { condition: { label: 3 }, count: 2 };
    const { id, labels } = await create({ model: 'quick', images, seed: 11, guidance: 2, options: { topK: 10 } });
    expect(labels).toEqual([3, 3]);
    const events = await client.events(id);
    expect(events.map(({ __typename }) => __typename)).toEqual([
      'QueuedEvent',
      // The first generation of a model has it read.
      'LoadingEvent',
      'StartedEvent',
      ...new Array<string>(6).fill('StepEvent'),
      'CompletedEvent',
    ]);
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const steps = events.filter(({ __typename }) => __typename === 'StepEvent');
    expect(steps.map(({ index, of }) => [index, of])).toEqual([0, 1, 2, 3, 4, 5].map((index) => [index, 6]));
    expect(steps.map(({ positions }) => positions!.map(({ length }) => length))).toEqual(
      [1, 4, 9, 16, 36, 64].map((length) => [length]),
    );
    const last = events.at(-1)!;
    expect(last.kind).toBe('COMPLETED');
    expect(last.timings!.steps.length).toBe(6);
    const query = `query ($id: ID!) { generation(id: $id) { ... on Generation { state seed options images { seed condition { ... on ClassCondition { label } } picture { id url } } lastSeq } } }`;
    const { generation } = await client.query<{ generation: unknown }>(query, { id });
    expect(generation).toEqual({
      state: 'COMPLETED',
      seed: 11,
      options: { topK: 10 },
      images: last.images!.map((url, i) => ({
        seed: 11 + i,
        condition: { label: 3 },
        picture: { id: /[0-9a-f]{64}/.exec(url)![0], url },
      })),
      lastSeq: 10,
    });
    for (const path of [...last.images!, ...steps[0]!.previews!]) await expectPng(path);
  });

  it('tells the tokens of each image where every image has an order of its own', async () => {
    const images = ofLabels([1, 1]);
    const { id } = await create({ model: 'sets', images, seed: 2, options: { steps: 4, temperature: 0.9 } });
    const steps = (await client.events(id)).filter(({ __typename }) => __typename === 'StepEvent');
    expect(steps.map(({ positions, previews }) => [positions!.length, previews!.length])).toEqual(
      Array(4).fill([2, 2]),
    );
    expect(steps[0]!.positions![0]).not.toEqual(steps[0]!.positions![1]);
    for (const image of [0, 1]) {
      expect(new Set(steps.flatMap(({ positions }) => positions![image]!))).toEqual(new Set(Array(64).keys()));
    }
  });

  it('keeps its images for ever: the name is the hash of the content', async () => {
    const input = { model: 'quick', images: ofLabels([1]), seed: 5 };
    const first = (await client.events((await create(input)).id)).at(-1)!.images;
    const again = (await client.events((await create(input)).id)).at(-1)!.images;
    expect(again).toEqual(first);
    for (const path of ['/images/abc.png', `/images/${'0'.repeat(64)}.png`, '/images/..%2f..%2flock']) {
      expect((await fetch(server.url + path)).status).toBe(404);
    }
  });

  it('misses nothing for a reader that comes late, comes back, or reads again', async () => {
    const { id } = await create({ model: 'quick', images: ofLabels([2]) });
    const all = await client.events(id);
    expect(await client.events(id)).toEqual(all);
    for (const after of [1, 4, 8]) expect(await client.events(id, { after })).toEqual(all.slice(after));
    expect(await client.events(id, { after: 9 })).toEqual([]);
    const { id: live } = await create({ ...slowInput, images: { condition: { label: 3 }, count: 16 } });
    const part = await client.events(live, { enough: ({ seq }) => seq === 4 });
    const rest = await client.events(live, { after: part.at(-1)!.seq });
    expect([...part, ...rest].map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('takes each class in turn where no label is said', async () => {
    const { id, labels } = await create({ model: 'quick', images: { count: 12 } });
    expect(labels).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
    expect((await client.events(id)).at(-1)!.__typename).toBe('CompletedEvent');
    const { id: single, labels: one } = await create({ model: 'quick' });
    expect(one).toEqual([0]);
    await client.events(single);
  });

  it('lists the newest first', async () => {
    const { id } = await create({ model: 'quick', images: ofLabels([9]) });
    const { generations } = await client.query<{ generations: { nodes: { id: string }[] } }>(
      '{ generations(first: 2) { nodes { id } } }',
    );
    expect(generations.nodes.length).toBe(2);
    expect(generations.nodes[0]!.id).toBe(id);
    await client.events(id);
  });
});

async function expectPng(path: string): Promise<void> {
  const response = await fetch(server.url + path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('image/png');
  expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(
    Buffer.from(await response.arrayBuffer())
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG');
}

describe('a cancel', () => {
  it('ends a running generation early and a queued one before it began', async () => {
    const running = await create(slowInput);
    const queued = await create({ model: 'quick', images: ofLabels([1]) });
    await client.events(running.id, { enough: ({ __typename }) => __typename === 'StepEvent' });
    await client.cancel(queued.id);
    await client.cancel(running.id);
    const events = await client.events(running.id);
    expect(events.at(-1)!.__typename).toBe('CanceledEvent');
    expect(events.filter(({ __typename }) => __typename === 'StepEvent').length).toBeLessThan(6);
    const types = (await client.events(queued.id)).map(({ __typename }) => __typename);
    expect(types).toEqual(['QueuedEvent', 'CanceledEvent']);
    expect(await client.cancel(running.id)).toEqual({ __typename: 'Generation', state: 'CANCELED' });
  });
});

describe('bad input', () => {
  const good = { model: 'quick', images: { condition: { label: 1 } } };
  it.each([
    ['unknown-model', { ...good, model: 'unknown' }],
    ['label-out-of-range', { ...good, images: { condition: { label: 10 } } }],
    ['label-out-of-range', { ...good, images: { condition: { label: -2 } } }],
    ['label-out-of-range', { model: 'quick', images: ofLabels([1, 99]) }],
    ['count-out-of-range', { model: 'quick', images: { condition: { label: 1 }, count: 0 } }],
    ['count-out-of-range', { model: 'quick', images: { condition: { label: 1 }, count: 65 } }],
    ['count-out-of-range', { model: 'quick', images: { count: 0 } }],
    ['images-invalid', { model: 'quick', images: [] }],
    ['images-invalid', { model: 'quick', images: [{ count: 64 }, { count: 1 }] }],
    ['images-invalid', { model: 'quick', images: ofLabels(new Array<number>(5_000).fill(1)) }],
    ['seed-out-of-range', { ...good, seed: -1 }],
    ['seed-out-of-range', { ...good, seed: Number.MAX_SAFE_INTEGER, images: { count: 2 } }],
    ['guidance-out-of-range', { ...good, guidance: 1e9 }],
    ['guidance-out-of-range', { ...good, guidance: -1 }],
    ['field-invalid', { ...good, options: { topK: 65 } }],
    ['field-invalid', { ...good, options: { topP: 'much' } }],
    ['field-invalid', { ...good, options: { smooth: null } }],
    ['field-invalid', { ...good, options: { topP: [[{ a: 'long '.repeat(10_000) }]] } }],
    ['option-unknown', { ...good, options: { topk: 3 } }],
    ['option-unknown', { ...good, options: { ['x'.repeat(50_000)]: 3 } }],
    ['option-unknown', { ...good, options: JSON.parse('{"__proto__": {"topK": 3}}') as object }],
  ])('is refused as data with the code %s', async (code, input) => {
    const refused = await create(input);
    const type = code === 'unknown-model' ? 'NotFound' : 'RequestError';
    expect(refused).toMatchObject({ __typename: type, code, field: expect.arrayContaining(['input']) as string[] });
    expect(refused.message).toMatch(/^\[(createGeneration|quick|guidance)\] got .+; expected .+\. .+[.?]$/);
    expect(refused.message!.length).toBeLessThan(400);
  });

  it('is told which model was probably meant', async () => {
    expect((await create({ ...good, model: 'qiuck' })).message).toContain('Did you mean quick?');
  });

  it('is refused where numbers of a list or a place in it make no sense', async () => {
    for (const count of [-1, 0, 101]) {
      const { json } = await client.post(
        JSON.stringify({ query: `{ generations(first: ${count}) { nodes { id } } }` }),
      );
      expect(json.errors![0]!.message).toMatch(/^\[generations\] got first: .+; expected .+\. .+\.$/);
      expect(json.errors![0]!.extensions!.code).toBe('count-out-of-range');
    }
    const { id } = await create(good);
    await expect(client.events(id, { after: -1 })).rejects.toThrow('[generationEvents] got after -1');
    const last = (await client.events(id)).at(-1)!.seq;
    const beyond = client.events(id, { after: last + 1 });
    await expect(beyond).rejects.toThrow(
      `got after ${last + 1}; expected the seq of the last event that was seen, ${last}`,
    );
    expect(await client.events(id, { after: last })).toEqual([]);
  });

  it('is refused for unknown ids', async () => {
    for (const id of ['00000000-0000-4000-8000-000000000000', "'; DROP TABLE generation", '']) {
      const query = `query ($id: ID!) { generation(id: $id) { __typename ... on Error { code message } } }`;
      const { generation } = await client.query<{ generation: object }>(query, { id });
      expect(generation).toMatchObject({ __typename: 'NotFound', code: 'unknown-generation' });
      await expect(client.events(id)).rejects.toThrow('unknown-generation');
    }
  });

  it('is refused where it is not even GraphQL', async () => {
    const mutation = (field: string) =>
      `mutation { createGeneration(input: { model: "quick", ${field} }) { ... on Error { code } } }`;
    const refused = (code: string) => ({ createGeneration: { code } });
    expect(await client.query(mutation('guidance: 1e999'))).toEqual(refused('guidance-out-of-range'));
    expect(await client.query(mutation('options: { topP: 1e999 }'))).toEqual(refused('field-invalid'));
    const more = { ...good, guidance: null, topK: 10 };
    const cases: [string, string, Record<string, string>?][] = [
      ['malformed-body', '{"query": '],
      ['body-too-large', JSON.stringify({ query: ' '.repeat(300_000) })],
      ['GRAPHQL_PARSE_FAILED', JSON.stringify({ query: '{ models { ' })],
      ['GRAPHQL_VALIDATION_FAILED', JSON.stringify({ query: '{ nonsense }' })],
      ['BAD_USER_INPUT', JSON.stringify({ query: createQuery, variables: { input: { ...good, seed: 1.5 } } })],
      ['BAD_USER_INPUT', JSON.stringify({ query: createQuery, variables: { input: more } })],
      ...['[]', '"topK"', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`].map((options): [string, string] => [
        'BAD_USER_INPUT',
        `{"query": ${JSON.stringify(createQuery)}, "variables": {"input": {"model": "quick", "options": ${options}}}}`,
      ]),
      ['BAD_USER_INPUT', JSON.stringify({ query: createQuery, variables: { input: 'long '.repeat(10_000) } })],
      ['OPERATION_RESOLUTION_FAILURE', JSON.stringify({ query: 'query A { __typename } query B { __typename }' })],
      ['subscription-over-http', JSON.stringify({ query: 'subscription { generationEvents(id: "x") { seq } }' })],
      ['BAD_REQUEST', JSON.stringify({})],
      ['BAD_REQUEST', 'plain text', { 'content-type': 'text/plain' }],
    ];
    for (const [code, body, headers] of cases) {
      const { status, json } = await client.post(body, headers);
      expect([code, json.errors?.[0]?.extensions?.code]).toEqual([code, code]);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(json.errors![0]!.message).toMatch(/^\[api\] got .+; expected .+\./);
      expect(json.errors![0]!.message.length).toBeLessThan(500);
    }
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

// Last: opening another database keeps this process busy until connections of the first server have timed out.
describe('an address that is not of this machine', () => {
  it('is refused in a sentence', async () => {
    const elsewhere = { ...options, dataDirectory: join(root, 'elsewhere'), modelFolders: [], address: '192.0.2.1' };
    await expect(startServer({ ...elsewhere, auth: 'off' })).rejects.toMatchObject({
      code: 'address-unusable',
      message: expect.stringMatching(
        /^\[api\] got the address 192\.0\.2\.1 and port 0, .+; expected .+\. .+\.$/,
      ) as string,
    });
  });
});
