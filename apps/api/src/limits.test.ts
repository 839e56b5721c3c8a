import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from './index.ts';
import { testClient, type TestClient } from './testing/test-client.ts';
import { startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-limits-'));
const modelFolders = [join(root, 'slow')];
let server: RunningServer;
let client: TestClient;

beforeAll(async () => {
  await writeRandomModel(modelFolders[0]!, { name: 'slow', width: 192, depth: 8, channels: 3 });
  const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
  server = await startTestServer({ ...options, modelFolders, maxQueue: 32 });
  client = testClient(server.url);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

/** As long as one can be: nothing behind it begins before it is canceled. */
const slowInput = { model: 'slow', images: { condition: { label: 3 }, count: 64 }, preview: 'NONE' };

describe('too much at once', () => {
  const many = (count: number, field: string) => Array.from({ length: count }, (_, i) => `a${i}: ${field}`).join(' ');
  const inFragment = `fragment All on Query { ${many(21, 'models { name }')} } `;
  const deep = `{ models ${'{ classes '.repeat(10)}{ name }${' }'.repeat(10)} }`;
  const doubling = (times: number) =>
    Array.from({ length: times }, (_, i) => `fragment F${i + 1} on Generation { ...F${i} ...F${i} }`)
      .concat('fragment F0 on Generation { images { picture { url } } }')
      .join(' ');
  const cases: [string, string, string][] = [
    ['21 aliases', 'operation-too-wide', `{ ${many(21, 'models { name }')} }`],
    ['21 aliases in a fragment', 'operation-too-wide', `${inFragment} query { ...All }`],
    [
      '21 aliases below the root',
      'operation-too-wide',
      `{ generations(first: 100) { nodes { ${many(21, 'images { seed }')} } } }`,
    ],
    [
      '21 mutations',
      'operation-too-wide',
      `mutation { ${many(21, 'cancelGeneration(input: { id: "x" }) { __typename }')} }`,
    ],
    ['11 fields deep', 'operation-too-deep', deep],
    [
      '20 lists of pictures',
      'answer-too-large',
      `{ ${many(20, 'generations(first: 100) { nodes { images { picture { url } } } }')} }`,
    ],
    [
      'lists in doubling fragments',
      'answer-too-large',
      `${doubling(12)} { generations(first: 100) { nodes { ...F12 } } }`,
    ],
    ['fragments in a circle', 'GRAPHQL_VALIDATION_FAILED', 'fragment A on Query { ...A } { ...A }'],
    ['2500 aliases', 'GRAPHQL_PARSE_FAILED', `{ ${many(2500, 'models{name}')} }`],
    ['20000 levels', 'GRAPHQL_PARSE_FAILED', `{a`.repeat(20_000)],
  ];

  it.each(cases)('is refused quickly over HTTP and over the socket: %s', async (_name, code, query) => {
    const began = Date.now();
    const { status, json } = await client.post(JSON.stringify({ query }));
    expect(status).toBe(400);
    const errors = await client.socketErrors(query);
    for (const found of [json.errors!, errors]) {
      expect(found.map(({ extensions }) => extensions!.code)).toContain(code);
      for (const { message } of found) expect(message).toMatch(/^\[api\] got .+; expected .+\. .+\.$/s);
    }
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it('is counted by the variables of the operation that runs', async () => {
    const pages = `query Pages($count: Int!) { ${many(10, 'generations(first: $count) { nodes { images { picture { url } } } }')} } query One { models { name } }`;
    const code = async (operationName: string, count: number) => {
      const { json } = await client.post(JSON.stringify({ query: pages, operationName, variables: { count } }));
      return json.errors?.[0]!.extensions!.code;
    };
    expect(await code('Pages', 100)).toBe('answer-too-large');
    expect(await code('Pages', 10)).toBe(undefined);
    expect(await code('One', 100)).toBe(undefined);
    // Out of its range it lists nothing.
    expect(await code('Pages', 1e9)).toBe('answer-too-large');
  });

  it('is neither everything of forty generations, nor the pictures of a hundred, nor everything of every model', async () => {
    const edit =
      'edit { image { id url } mask { id url } inside { x0 y0 x1 y1 } outside { x0 y0 x1 y1 } place { x0 y0 x1 y1 } } failure { code reason message }';
    const images = 'images { seed condition { kind ... on ClassCondition { label } } picture { id url } }';
    const fields = `id modelName ${images} seed guidance options preview ${edit} state attempt priority deadline lastSeq createdAt startedAt finishedAt`;
    expect(await client.query(`{ generations(first: 40) { nodes { ${fields} } } }`)).toHaveProperty('generations');
    const pictures = '{ generations(first: 100) { nodes { id images { picture { url } } } } }';
    expect(await client.query(pictures)).toHaveProperty('generations');
    const { json } = await client.post(
      JSON.stringify({ query: `{ generations(first: 100) { nodes { ${fields} } } }` }),
    );
    expect(json.errors![0]!.extensions!.code).toBe('answer-too-large');
    const parts = 'classes { label name } image { height width channels } layout { start height width }';
    const rest = 'name title description licence parameters vocabulary tokens options guidanceOff';
    const query = `{ models { ${rest} ${parts} defaults { guidance preview } } plugins { name config options } }`;
    expect(await client.query(query)).toHaveProperty('models');
  });

  it('is no stack overflow', async () => {
    const { json } = await client.post(JSON.stringify({ query: '{a'.repeat(50_000) }));
    expect(json.errors![0]!.message).toContain('more that 2000 tokens');
  });

  it('is neither 20 root fields nor introspection', async () => {
    expect(Object.keys(await client.query<object>(`{ ${many(20, 'models { name }')} }`)).length).toBe(20);
    expect(await client.query(getIntrospectionQuery())).toHaveProperty('__schema.types');
  });

  it('is a 34th generation: one runs, 32 wait', async () => {
    const running = await client.create(slowInput);
    await client.events(running.id, { enough: ({ kind }) => kind === 'STARTED' });
    const all = await Promise.all(Array.from({ length: 36 }, () => client.create(slowInput)));
    const refused = all.filter(({ __typename }) => __typename === 'QueueFull');
    expect(refused.length).toBe(4);
    for (const { code, message } of refused) {
      expect(code).toBe('queue-full');
      expect(message).toMatch(/^\[createGeneration\] got .+ while 32 wait; expected .+\. .+\.$/);
    }
    const waiting = all.filter(({ __typename }) => __typename === 'Generation');
    for (const { id } of [...waiting, running]) await client.cancel(id);
    await client.events(running.id);
    const after = await client.create({ model: 'slow' });
    expect((await client.events(after.id)).at(-1)!.__typename).toBe('CompletedEvent');
  });
});

describe('the socket', () => {
  const address = () => `${server.url.replace('http', 'ws')}/graphql`;
  const closeCode = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));

  it('is closed on messages that are too long or not of the protocol, and the server logs nothing', async () => {
    const complaints = vi.spyOn(console, 'error');
    for (const [message, code] of [
      ['x'.repeat(100_000), 1009],
      ['no json', 4400],
    ] as const) {
      const socket = new WebSocket(address(), 'graphql-transport-ws');
      socket.once('open', () => socket.send(message));
      expect(await closeCode(socket)).toBe(code);
    }
    expect(complaints).not.toHaveBeenCalled();
    complaints.mockRestore();
  });
});
