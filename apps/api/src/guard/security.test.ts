import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../index.ts';
import { transportsOf } from './testing/ask-transports.ts';
import { startTestServer } from '../testing/open.ts';

/*
 * Attacks, each on every transport where it applies. Elsewhere: hosts and pages by route (gate.test), image bombs (uploads.test),
 * sockets and streams per client, slow readers (followers.test), silent connections, revoked keys and keys in logs
 * (replicas.test), two tenants, hardening, webhooks (safe-fetch.test); lying pickles and safetensors (checkpoints).
 */

const root = mkdtempSync(join(tmpdir(), 'tessera-security-'));
let server: RunningServer;

beforeAll(async () => {
  const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
  server = await startTestServer({ ...options, modelFolders: [] });
});
afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const many = (count: number, of: (i: number) => string) => Array.from({ length: count }, (_, i) => of(i)).join(' ');
const doubling = `${many(25, (i) => `fragment F${i + 1} on Model { ...F${i} ...F${i} }`)} fragment F0 on Model { name }`;
const nodes = (count: number) => `{ nodes(ids: [${many(count, (i) => `"${i}"`)}]) { id } }`;

/** Documents, and the code that refuses each. */
const documents: readonly [string, string, string][] = [
  ['depth', 'operation-too-deep', `{ models ${'{ classes '.repeat(11)}{ name }${' }'.repeat(11)} }`],
  ['aliases', 'operation-too-wide', `{ ${many(21, (i) => `a${i}: models { name }`)} }`],
  ['directives', 'GRAPHQL_VALIDATION_FAILED', `{ models ${many(500, () => '@a')} { name } }`],
  ['tokens', 'GRAPHQL_PARSE_FAILED', `{ ${many(2500, () => 'models { name }')} }`],
  [
    'fragments in a circle',
    'GRAPHQL_VALIDATION_FAILED',
    'fragment A on Query { ...B } fragment B on Query { ...A } { ...A }',
  ],
  [
    'a wide answer',
    'answer-too-large',
    `{ ${many(20, (i) => `a${i}: generations(first: 100) { nodes { images { picture { url } } } }`)} }`,
  ],
  ['a long page', 'count-out-of-range', '{ generations(first: 100000) { totalCount } }'],
  ['many ids', 'count-out-of-range', nodes(101)],
  [
    'a model outside of its folder',
    'unknown-model',
    'mutation { createGeneration(input: { model: "../../etc/passwd" }) { ... on Error { code } } }',
  ],
  [
    'a picture outside of its folder',
    'unknown-',
    'mutation { createGeneration(input: { model: "x", edit: { image: "../../lock" } }) { ... on Error { code } } }',
  ],
];

describe.each(['HTTP', 'WebSocket', 'SSE'] as const)('over %s', (transport) => {
  it.each(documents)('a document is refused quickly, in a sentence: %s', async (_name, code, query) => {
    const began = Date.now();
    const answers = JSON.stringify(await transportsOf(server.url, '')[transport](query));
    expect(answers).toContain(`"code":"${code}`);
    expect(answers).not.toMatch(/INTERNAL|node_modules|root:/);
    expect(answers.length).toBeLessThan(20_000);
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it('fragments that double are read once each', async () => {
    const [answer] = await transportsOf(server.url, '')[transport](`${doubling} { models { ...F25 } }`);
    expect(answer).toEqual({ data: { models: [] } });
  });
});

interface Attack {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** By Node's own client: `fetch` lets no Host be chosen. */
function send(path: string, { method = 'POST', headers = {}, body = '' }: Attack): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(server.url + path, { method, headers, agent: false });
    sent.on('response', (answer) => void text(answer).then((all) => resolve([answer.statusCode!, all]), reject));
    sent.on('error', reject).end(body);
  });
}

const json = { 'content-type': 'application/json' };
const long = JSON.stringify({ query: '{ models { name } }', model: 'x', prompt: 'x', pad: 'x'.repeat(300_000) });
const none = '0'.repeat(64);
const doors: readonly [string, string, Attack][] = [
  ['GraphQL', '/graphql', { headers: json, body: '{"query": "{ models { name } }"}' }],
  ['event streams', '/graphql/stream', { headers: json, body: '{"query": "{ models { name } }"}' }],
  ['uploads', '/v1/uploads', { headers: { 'content-type': 'image/png' }, body: 'x' }],
  ['generations', '/v1/generations', { headers: json, body: '{"model": "x"}' }],
  ['OpenAI images', '/v1/images/generations', { headers: json, body: '{"model": "x", "prompt": "x"}' }],
  ['images', `/images/${none}.png`, { method: 'GET' }],
];

describe.each(doors)('the door of %s', (name, path, asked) => {
  it('is closed to pages and names of others', async () => {
    const answer = (headers: Record<string, string>) =>
      send(path, { ...asked, headers: { ...asked.headers, ...headers } });
    expect((await answer({ origin: 'https://evil.example' }))[0]).toBe(403);
    expect((await answer({ origin: 'null' }))[0]).toBe(403);
    expect((await answer({ host: 'evil.example' }))[0]).toBe(421);
    expect([403, 421]).not.toContain((await answer({}))[0]);
  });

  it.skipIf(asked.method === 'GET')('takes no long body, no broken one, and tells nothing of itself', async () => {
    const [status, words] = await send(path, { ...asked, body: name === 'uploads' ? 'x'.repeat(17 * 2 ** 20) : long });
    expect([status, words.length < 2000]).toEqual([413, true]);
    for (const body of ['{', '[[', '{"__proto__": {"polluted": 1}}', 'null', '7', `[${'['.repeat(5000)}`]) {
      const [code, answer] = await send(path, { ...asked, body });
      expect([body.slice(0, 30), code >= 400 && code < 500]).toEqual([body.slice(0, 30), true]);
      expect(answer).not.toMatch(/node_modules|at .+\.ts:|INTERNAL/);
    }
    expect(({} as { polluted?: number }).polluted).toBe(undefined);
  });
});

it.each([
  '/images/..%2f..%2flock',
  '/images/%2e%2e/lock.png',
  '/v1/models/..%2f..%2fpackage.json',
  '/..%2f..%2fetc/passwd',
  '/v1/generations/..%2fx',
])('no path leads out: %s', async (path) => {
  const [status, words] = await send(path, { method: 'GET' });
  expect([status, /root:|"name": "tessera"/.test(words)]).toEqual([404, false]);
});

it('runs no list of operations, over HTTP and as a stream', async () => {
  const body = '[{"query": "{ models { name } }"}, {"query": "{ models { name } }"}]';
  for (const path of ['/graphql', '/graphql/stream']) expect((await send(path, { headers: json, body }))[0]).toBe(400);
});
