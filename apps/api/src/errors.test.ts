import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import WebSocket from 'ws';
import type { RunningServer } from './index.ts';
import type { GraphQLAnswer } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-errors-'));
const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
let server: RunningServer;
let output: MockInstance;

beforeAll(async () => {
  server = await startTestServer({ ...options, modelFolders: [] });
});

beforeEach(() => {
  output = vi.spyOn(console, 'error');
});

afterEach(() => output.mockRestore());

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

interface Request {
  readonly query: string;
  readonly variables?: object;
  readonly operationName?: string;
}

type Errors = NonNullable<GraphQLAnswer['errors']>;

async function overHttp(request: Request): Promise<{ status: number; errors: Errors }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(request) });
  return { status: answer.status, errors: ((await answer.json()) as GraphQLAnswer).errors ?? [] };
}

/** Of the first answer; a socket that closes instead rejects. */
function overSocket(payload: Request): Promise<Errors> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const send = (message: object) => socket.send(JSON.stringify(message));
  return new Promise<Errors>((resolve, reject) => {
    socket.on('open', () => send({ type: 'connection_init' }));
    socket.on('close', (code, reason) => reject(new Error(`closed: ${code} ${String(reason)}`)));
    socket.on('message', (data: Buffer) => {
      const { type, payload: answer } = JSON.parse(String(data)) as { type: string; payload: unknown };
      if (type === 'connection_ack') send({ id: '1', type: 'subscribe', payload });
      else if (type === 'error') resolve(answer as Errors);
      else if (type === 'next') resolve((answer as GraphQLAnswer).errors ?? []);
    });
  }).finally(() => socket.close());
}

const subscription = 'subscription ($id: ID!, $after: Int!) { generationEvents(id: $id, after: $after) { seq } }';
const creation = 'mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) { __typename } }';
const created = (input: string) => `mutation { createGeneration(input: ${input}) { __typename } }`;
const box = '{x0: 0, y0: 0, x1: 1, y1: 1}';
const deep = `${'{a: '.repeat(400)}1${'}'.repeat(400)}`;

describe("a client's mistake", () => {
  const both: [string, string, Request][] = [
    ['no document', 'GRAPHQL_PARSE_FAILED', { query: '{ models {' }],
    ['an unknown field', 'GRAPHQL_VALIDATION_FAILED', { query: '{ nonsense }' }],
    ['no name of several', 'OPERATION_RESOLUTION_FAILURE', { query: 'query A { __typename } query B { __typename }' }],
    ['another name', 'OPERATION_RESOLUTION_FAILURE', { query: 'query A { __typename }', operationName: 'B' }],
    ['no operation', 'GRAPHQL_VALIDATION_FAILED', { query: 'fragment A on Query { __typename }' }],
    ['a literal of another type', 'BAD_USER_INPUT', { query: '{ generations(first: "many") { nodes { id } } }' }],
    ['a literal that the scalar refuses', 'BAD_USER_INPUT', { query: created('{model: "x", seed: 1.5}') }],
    ['a literal that is too deep', 'BAD_USER_INPUT', { query: created(`{model: "x", options: ${deep}}`) }],
    ['an unknown field of an input', 'BAD_USER_INPUT', { query: created('{model: "x", topK: 3}') }],
    ['no variables', 'BAD_USER_INPUT', { query: creation }],
    ['a variable of another type', 'BAD_USER_INPUT', { query: creation, variables: { input: 'x' } }],
    ['a field of another type', 'BAD_USER_INPUT', { query: creation, variables: { input: { model: 3 } } }],
    [
      'a seed that is too large',
      'BAD_USER_INPUT',
      { query: creation, variables: { input: { model: 'x', seed: 2 ** 53 } } },
    ],
    [
      'options that are a list',
      'BAD_USER_INPUT',
      { query: creation, variables: { input: { model: 'x', options: [] } } },
    ],
    [
      'a region said in two ways',
      'BAD_USER_INPUT',
      { query: created(`{model: "x", edit: {image: "y", region: {mask: "z", inside: ${box}}}}`) },
    ],
    ['a deadline that is no moment', 'BAD_USER_INPUT', { query: created('{model: "x", deadline: "2026-02-30"}') }],
    [
      'null where a default stands',
      'BAD_USER_INPUT',
      {
        query: 'query ($n: Int = 3) { generation(id: "x") { ... on Generation { events(first: $n) { seq } } } }',
        variables: { n: null },
      },
    ],
    [
      'null as a condition',
      'BAD_USER_INPUT',
      { query: 'query ($if: Boolean = true) { models @include(if: $if) { name } }', variables: { if: null } },
    ],
    [
      'null as a condition below',
      'BAD_USER_INPUT',
      { query: 'query ($if: Boolean = true) { __schema { types @skip(if: $if) { name } } }', variables: { if: null } },
    ],
    ['a number that is out of range', 'count-out-of-range', { query: '{ generations(first: -1) { nodes { id } } }' }],
  ];

  it.each(both)('has the same code and the same sentence on both transports: %s', async (_what, code, request) => {
    const { status, errors } = await overHttp(request);
    expect(errors.map(({ extensions }) => extensions!.code)).toContain(code);
    expect(status).toBeLessThan(500);
    const onSocket = await overSocket(request);
    expect(onSocket).toEqual(errors);
    for (const { message } of errors) expect(message).toMatch(/^\[\w+\] got .+; expected .+\. [A-Z].+\.$/);
    expect(output).not.toHaveBeenCalled();
  });

  const images = 'Write images: [{ condition: { label: 7 }, count: 2 }] instead, or condition: { class: "cat" }.';
  const conditions = 'Write images { condition { ... on ClassCondition { label } } } instead.';
  const removed: [string, Request][] = [
    [images, { query: created('{model: "x", labels: [7]}') }],
    [images, { query: created('{model: "x", label: 7}') }],
    [images, { query: created('{model: "x", class: "cat"}') }],
    [images, { query: creation, variables: { input: { model: 'x', classes: ['cat'] } } }],
    [images, { query: creation, variables: { input: { model: 'x', count: 2 } } }],
    [conditions, { query: '{ generation(id: "x") { ... on Generation { labels } } }' }],
    ['Write cancelGeneration(input: {', { query: 'mutation { cancelGeneration(id: "x") { __typename } }' }],
    [
      'Write ... on CreateGenerationPayload {',
      { query: 'mutation { createGeneration(input: { model: "x" }) { ... on Generation { id } } }' },
    ],
    ['Write generations(first: 20) {', { query: '{ generations(count: 3) { totalCount } }' }],
    ['Write generations(first: 20) {', { query: '{ generations { state } }' }],
    ['Write modelName instead', { query: '{ generation(id: "x") { ... on Generation { model } } }' }],
    ['Write region: {', { query: created('{model: "x", edit: {image: "y", box: [0, 0, 1, 1]}}') }],
    ['Write inside {', { query: '{ generation(id: "x") { ... on Generation { edit { box } } } }' }],
  ];

  it.each(removed)('in a field that was removed is told: %s', async (next, request) => {
    const { errors } = await overHttp(request);
    for (const { message } of errors) expect(message).toContain(`the schema. ${next}`);
    expect(errors.length).toBeGreaterThan(0);
    expect(await overSocket(request)).toEqual(errors);
  });

  it('in another unknown field is told where the schema is', async () => {
    for (const query of [created('{model: "x", labelled: 7}'), '{ models { labels } }']) {
      const [error] = (await overHttp({ query })).errors;
      expect(error!.message).toMatch(/ Compare (?:it|them) with apps\/api\/schema\.graphql\.$/);
    }
  });

  it.each([
    [{ id: 'x', after: '3' }],
    [{ id: 'x', after: 1.5 }],
    [{ id: 'x', after: null }],
    [{ id: { a: 1 }, after: 0 }],
    [{ after: 0 }],
    [{}],
    [undefined],
  ])('in the variables of a subscription is one sentence: %j', async (variables) => {
    const errors = await overSocket({ query: subscription, ...(variables && { variables }) });
    for (const { message, extensions } of errors) {
      expect(extensions!.code).toBe('BAD_USER_INPUT');
      expect(message).toMatch(/^\[api\] got a request it cannot read \(.+\); expected variables and values .+\. .+\.$/);
    }
    expect(errors.length).toBeGreaterThan(0);
    expect(output).not.toHaveBeenCalled();
  });

  it('in one list leaves the other fields their data', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({
      query: '{ bad: generations(first: -1) { nodes { id } } generations { nodes { id } } models { name } }',
    });
    const answer = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body });
    expect(await answer.json()).toMatchObject({
      errors: [{ path: ['bad'], extensions: { code: 'count-out-of-range' } }],
      data: { bad: null, generations: { nodes: [] }, models: [] },
    });
  });

  it('is null where a default stands, in a subscription too', async () => {
    const query = 'subscription ($after: Int = 0) { generationEvents(id: "x", after: $after) { seq } }';
    const errors = await overSocket({ query, variables: { after: null } });
    expect(errors.map(({ extensions }) => extensions!.code)).toEqual(['BAD_USER_INPUT']);
    expect(output).not.toHaveBeenCalled();
  });

  it('is told of twenty times at most, however often it is made', async () => {
    const query = `{ models { ${Array.from({ length: 300 }, (_, i) => `x${i}`).join(' ')} } }`;
    for (const errors of [(await overHttp({ query })).errors, await overSocket({ query })]) {
      expect(errors.length).toBe(21);
      expect(JSON.stringify(errors).length).toBeLessThan(10_000);
    }
  });
});

describe('a condition on the root field of a subscription', () => {
  const field = 'generationEvents(id: "x")';
  it.each<[Request]>([
    [{ query: `subscription { ${field} @skip { seq } }` }],
    [{ query: `subscription { ${field} @include { seq } }` }],
    [{ query: `subscription { ${field} @skip(if: true) { seq } }` }],
    [{ query: `subscription { ${field} @include(if: $if) { seq } }` }],
    [{ query: `subscription ($if: Boolean!) { ${field} @include(if: $if) { seq } }`, variables: { if: true } }],
    [{ query: `subscription { ... @include(if: false) { ${field} { seq } } }` }],
    [{ query: `subscription { ...A @skip(if: true) } fragment A on Subscription { ${field} { seq } }` }],
    [
      {
        query: `subscription { ...A } fragment A on Subscription { ...B ...A } fragment B on Subscription { ${field} @skip(if: 3) { seq } }`,
      },
    ],
  ])('is refused on both transports: %j', async (request) => {
    const { status, errors } = await overHttp(request);
    expect(status).toBe(400);
    for (const found of [errors, await overSocket(request)]) {
      expect(found[0]!.extensions!.code).toBe('GRAPHQL_VALIDATION_FAILED');
      expect(found[0]!.message).toContain('The root field of a subscription takes no @');
    }
    expect(output).not.toHaveBeenCalled();
  });

  it('may stand below', async () => {
    const [error] = await overSocket({ query: `subscription { ${field} { seq @skip(if: true) kind } }` });
    expect(error!.extensions!.code).toBe('unknown-generation');
  });
});
