import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { Client, fetchExchange } from '@urql/core';
import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../index.ts';
import type { GraphQLAnswer } from '../testing/test-client.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-over-http-'));
const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
let server: RunningServer;

beforeAll(async () => {
  server = await startTestServer({ ...options, modelFolders: [] });
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: GraphQLAnswer;
}

/** Sends what it is told and nothing else: fetch adds headers of its own. */
function ask(
  path: string,
  headers: Record<string, string | string[]> = {},
  method = 'GET',
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(server.url + path, { method, headers, agent: false, setHost: !('host' in headers) });
    sent.on('response', (answer) => {
      const { statusCode: status, headers } = answer;
      const empty = method === 'HEAD' || status === 204;
      if (empty) resolve({ status: status!, headers, body: {} });
      else json(answer).then((all) => resolve({ status: status!, headers, body: all as GraphQLAnswer }), reject);
    });
    sent.on('error', reject).end(body);
  });
}

const search = (parameters: Record<string, string>) => `/graphql?${new URLSearchParams(parameters)}`;
const get = search({ query: '{ models { name } }' });
const post = (body: object, headers = {}) =>
  ask('/graphql', { 'content-type': 'application/json', ...headers }, 'POST', JSON.stringify(body));
const codeOf = ({ body }: Answer) => body.errors?.[0]?.extensions?.code;

describe('GraphQL over HTTP', () => {
  const audits = serverAudits({ url: () => `${server.url}/graphql` });

  it('is all that graphql-http audits', () => expect(audits.length).toBe(61));

  it.each(audits)('$id: $name', async ({ fn }) => expect((await fn()).status).toBe('ok'));

  it.each([
    ['GRAPHQL_PARSE_FAILED', '{'],
    ['GRAPHQL_VALIDATION_FAILED', '{ nonsense }'],
    ['BAD_USER_INPUT', '{ generations(first: "many") { nodes { id } } }'],
    ['BAD_USER_INPUT', 'query ($count: Int!) { generations(first: $count) { nodes { id } } }'],
    ['operation-too-wide', `{ ${Array.from({ length: 21 }, (_, i) => `a${i}: models { name }`).join(' ')} }`],
    ['OPERATION_RESOLUTION_FAILURE', 'query A { models { name } } query B { models { name } }'],
  ])('answers %s with 200 as application/json and with 400 as anything else', async (code, query) => {
    for (const [accept, status, type] of [
      ['application/json', 200, 'application/json'],
      ['application/json, */*', 200, 'application/json'],
      ['application/graphql-response+json, application/json', 400, 'application/graphql-response+json'],
      ['application/graphql-response+json', 400, 'application/graphql-response+json'],
      ['*/*', 400, 'application/json'],
    ] as const) {
      for (const answer of [
        await post({ query }, { accept }),
        await ask(search({ query }), { accept, ...preflight }),
      ]) {
        expect([accept, answer.status, codeOf(answer)]).toEqual([accept, status, code]);
        expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`);
      }
    }
  });

  it('says of what is no request at all that it is none, whatever is accepted', async () => {
    const accept = 'application/json';
    for (const body of [{}, { query: 3 }, { variables: {} }]) expect((await post(body, { accept })).status).toBe(400);
  });

  it.each(['PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH'])('names the methods that there are: %s', async (method) => {
    const { status, headers } = await ask('/graphql', { 'content-type': 'application/json' }, method);
    expect([status, headers.allow]).toEqual([405, 'GET, POST']);
  });

  it('takes UTF-8 alone', async () => {
    const body = { query: '{ __type(name: "日本") { name } }' };
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"']) {
      expect((await post(body, { 'content-type': `application/json; charset=${charset}` })).status).toBe(200);
    }
    for (const charset of ['utf-16', 'iso-8859-1', 'nonsense']) {
      const answer = await post(body, { 'content-type': `application/json; charset=${charset}` });
      expect([answer.status, codeOf(answer)]).toEqual([415, 'BAD_REQUEST']);
      expect(answer.body.errors![0]!.message).toContain(`charset ${charset}; expected JSON in UTF-8`);
    }
  });
});

const preflight = { 'apollo-require-preflight': '1' };

describe('a GET', () => {
  it.each<[number, string, Record<string, string>]>([
    [200, 'a program that says what it reads', { accept: 'application/json' }],
    [200, 'fetch of a program', { accept: '*/*', 'sec-fetch-mode': 'cors' }],
    [200, 'the page of this server', { accept: '*/*', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }],
    [200, 'a header that needs a preflight', preflight],
    [200, 'somebody who types the address', { accept: 'application/json', 'sec-fetch-site': 'none' }],
    [415, 'an unknown client', {}],
    [415, 'a script of an old browser', { accept: '*/*' }],
    [415, 'an image of an old browser', { accept: 'image/avif,image/webp,*/*;q=0.8' }],
    [415, 'a link', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }],
    [415, 'a script elsewhere', { accept: '*/*', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    [
      415,
      'fetch without CORS',
      { accept: 'application/json', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    ],
    [415, 'another port', { accept: 'application/json', 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
    [403, 'fetch with CORS', { accept: 'application/json', origin: 'http://evil.example' }],
  ])('is answered with %d: %s', async (status, _who, headers) => {
    const answer = await ask(get, headers);
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body).toEqual({ data: { models: [] } });
    else expect(answer.body.errors![0]!.message).toMatch(/^\[api\] got .+; expected .+\. .+\.$/);
    if (status === 415) expect(answer.body.errors![0]!.message).toContain('Name application/json in the header Accept');
  });

  it('changes nothing, is kept nowhere, and has the limits of a POST', async () => {
    const mutation = search({ query: 'mutation { cancelGeneration(input: { id: "x" }) { __typename } }' });
    const refused = await ask(mutation, { accept: 'application/json' });
    expect([refused.status, refused.headers.allow, codeOf(refused)]).toEqual([405, 'POST', 'BAD_REQUEST']);
    const answer = await ask(get, { accept: 'application/json' });
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
    });
    const deep = search({ query: `{ models ${'{ classes '.repeat(10)}{ name }${' }'.repeat(10)} }` });
    expect((await ask(deep, { accept: '*/*', ...preflight })).status).toBe(400);
  });
});

describe('@urql/core as it comes', () => {
  const methods: (string | undefined)[] = [];
  const counted: typeof fetch = (url, init) => {
    methods.push(init?.method);
    return fetch(url, init);
  };
  const client = () => new Client({ url: `${server.url}/graphql`, exchanges: [fetchExchange], fetch: counted });

  it('queries by GET, by POST what no address holds, and sends mutations', async () => {
    const counting = 'query ($count: Int!) { generations(first: $count) { nodes { id } } }';
    expect((await client().query(counting, { count: 3 })).data).toEqual({ generations: { nodes: [] } });
    const finding = 'query ($id: ID!) { generation(id: $id) { ... on Error { code } } }';
    const { data: found } = await client().query(finding, { id: 'x'.repeat(3000) });
    expect(found).toMatchObject({ generation: { code: 'unknown-generation' } });
    const mutation = 'mutation { cancelGeneration(input: { id: "x" }) { ... on Error { code reason } } }';
    const { data } = await client().mutation(mutation, {});
    expect(data).toMatchObject({ cancelGeneration: { code: 'unknown-generation', reason: 'UNKNOWN_GENERATION' } });
    expect(methods).toEqual(['GET', 'POST', 'POST']);
  });

  it('reads what is refused', async () => {
    const { error } = await client().query('{ nonsense }', {});
    expect(error!.graphQLErrors.map(({ extensions }) => extensions['code'])).toEqual(['GRAPHQL_VALIDATION_FAILED']);
  });
});

describe('an automatic persisted query', () => {
  const persisted = (query: string) => {
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    return { persistedQuery: { version: 1, sha256Hash } };
  };

  it.each(['GET', 'POST'])('is asked for in the words of the protocol, then known by its hash: %s', async (method) => {
    const query = `{ models { title } } # ${method}`;
    const extensions = persisted(query);
    const send = (more: { query?: string }) =>
      method === 'GET'
        ? ask(search({ extensions: JSON.stringify(extensions), ...more }), { accept: 'application/json' })
        : post({ extensions, ...more });
    const unknown = await send({});
    expect(unknown.body).toEqual({
      errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    });
    expect(unknown.status).toBe(200);
    for (const more of [{ query }, {}, {}]) expect((await send(more)).body).toEqual({ data: { models: [] } });
  });

  it('has every limit, and is not kept where it is refused', async () => {
    const wide = `{ ${Array.from({ length: 21 }, (_, i) => `a${i}: models { name }`).join(' ')} }`;
    const extensions = persisted(wide);
    expect(codeOf(await post({ query: wide, extensions }))).toBe('operation-too-wide');
    expect(codeOf(await post({ extensions }))).toBe('PERSISTED_QUERY_NOT_FOUND');
    const changing = 'mutation { cancelGeneration(input: { id: "x" }) { __typename } }';
    expect((await post({ query: changing, extensions: persisted(changing) })).status).toBe(200);
    const byGet = search({ extensions: JSON.stringify(persisted(changing)) });
    expect((await ask(byGet, { accept: 'application/json' })).status).toBe(405);
  });

  it.each([
    ['another hash', { persistedQuery: { version: 1, sha256Hash: 'abc' } }],
    ['another version', { persistedQuery: { version: 2, sha256Hash: 'abc' } }],
  ])("is the client's mistake with %s", async (_what, extensions) => {
    const answer = await post({ query: '{ models { name } }', extensions });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'BAD_REQUEST']);
    expect(answer.body.errors![0]!.message).toMatch(/^\[api\] got .+; expected .+\. .+\.$/);
  });
});
