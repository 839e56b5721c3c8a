import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-sse';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { RunningServer } from '../index.ts';
import { createQuery, testClient, type TestClient } from '../testing/test-client.ts';
import { startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-event-stream-'));
const query = `subscription ($id: ID!, $after: Int! = 0) { generationEvents(id: $id, after: $after) {
  seq kind ... on StepEvent { index previews { url } } } }`;
const FOLLOW = 'subscription ($id: ID!) { generationEvents(id: $id) { seq kind } }';
let server: RunningServer;
let client: TestClient;
/** What the server does every 12 seconds. */
let beat: () => void;

beforeAll(async () => {
  const clocks = vi.spyOn(globalThis, 'setInterval');
  await writeRandomModel(join(root, 'sets'), { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  const options = { port: 0, address: '127.0.0.1', dataDirectory: join(root, 'data'), playground: join(root, 'none') };
  const streams = { connections: 8, connectionsOfAddress: 4, subscriptions: 8, operationsOfConnection: 8 };
  server = await startTestServer({ ...options, streams, modelFolders: [join(root, 'sets')] });
  beat = clocks.mock.calls.find(([, ms]) => ms === 12_000)![0] as () => void;
  clocks.mockRestore();
  client = testClient(server.url);
  // The model is in memory from here on.
  await client.events((await client.create({ model: 'sets' })).id);
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const create = async (steps = 16) => (await client.create({ model: 'sets', images: {}, options: { steps } })).id;
/** seqs of a generation of 16 steps: queued, started, the steps, completed. */
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

interface Told {
  readonly data?: { readonly generationEvents: { readonly seq: number; readonly kind: string } };
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

const urlOf = (id: string, path = '/graphql/stream') =>
  `${server.url}${path}?${new URLSearchParams({ query: FOLLOW, variables: JSON.stringify({ id }) }).toString()}`;

const post = (body: object, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('the client of graphql-sse', () => {
  it.each(['/graphql', '/graphql/stream'])('follows a generation to its end, at %s', async (path) => {
    const id = await create();
    const sse = createClient({ url: `${server.url}${path}`, retryAttempts: 0 });
    const seqs: number[] = [];
    for await (const { data } of sse.iterate<NonNullable<Told['data']>>({ query, variables: { id } })) {
      const { seq, kind } = data!.generationEvents;
      if (kind !== 'WAITING') seqs.push(seq);
    }
    expect(seqs).toEqual(upTo(19));
  });

  it('also asks and changes, and hears in a sentence what is wrong', async () => {
    const sse = createClient({ url: `${server.url}/graphql`, retryAttempts: 0 });
    const one = async (text: string, variables = {}) => {
      for await (const result of sse.iterate({ query: text, variables })) return result as unknown as Told;
      return undefined;
    };
    expect(await one('{ models { name } }')).toEqual({ data: { models: [{ name: 'sets' }] } });
    expect(await one(createQuery, { input: { model: 'sets' } })).toHaveProperty('data.createGeneration.generation.id');
    for (const [code, text, variables] of [
      ['unknown-generation', query, { id: 'none' }],
      ['after-out-of-range', query, { id: await create(), after: 1000 }],
      ['BAD_USER_INPUT', query, { id: 'none', after: 'three' }],
      ['GRAPHQL_VALIDATION_FAILED', 'subscription { nothing }', {}],
      ['GRAPHQL_PARSE_FAILED', '{', {}],
    ] as const) {
      expect((await one(text, variables))?.errors?.[0]?.extensions.code).toBe(code);
    }
  });
});

describe('a browser', () => {
  /** Reads by itself; its connection is cut behind every `cutEvery`th event. */
  async function follow(id: string, cutEvery: number): Promise<{ seqs: number[]; ids: string[]; requests: number }> {
    const [seqs, ids]: [number[], string[]] = [[], []];
    let requests = 0;
    let cut = new AbortController();
    const source = new EventSource(urlOf(id), {
      fetch: (url, init) => {
        requests += 1;
        cut = new AbortController();
        // What it has not read by then is lost with the connection, as where a network breaks.
        return fetch(url, { ...init, signal: cut.signal });
      },
    });
    await new Promise<void>((resolve) => {
      source.addEventListener('next', ({ data, lastEventId }) => {
        const { seq, kind } = (JSON.parse(data as string) as Told).data!.generationEvents;
        if (kind === 'WAITING') return;
        seqs.push(seq);
        ids.push(lastEventId);
        if (seq % cutEvery === 0) cut.abort(new TypeError('terminated'));
      });
      source.addEventListener('complete', () => resolve());
    });
    // One that does not close it comes back, and is told that there is no more.
    await new Promise<void>((resolve) => {
      source.addEventListener('error', () => source.readyState === source.CLOSED && resolve());
    });
    return { seqs, ids, requests };
  }

  it('comes back by itself after a cut, misses nothing and sees nothing twice, and stops at the end', async () => {
    const { seqs, ids, requests } = await follow(await create(), 7);
    expect(seqs).toEqual(upTo(19));
    expect(ids).toEqual(upTo(19).map(String));
    // Two cuts, and the last time, which is answered with 204.
    expect(requests).toBe(4);
  });

  it('of another site gets nothing', async () => {
    const id = await create(1);
    const get = async (headers: Record<string, string>) =>
      (await fetch(urlOf(id), { headers: { accept: 'text/event-stream', ...headers } })).status;
    expect(await get({ origin: 'https://evil.example' })).toBe(403);
    expect(await get({ 'sec-fetch-site': 'cross-site' })).toBe(415);
    expect(await get({ 'sec-fetch-site': 'same-origin' })).toBe(200);
  });
});

describe('a request', () => {
  it('that is no operation is refused as one of HTTP', async () => {
    const id = await create(1);
    const mutation = `query=${encodeURIComponent(`mutation { cancelGeneration(input: { id: "${id}" }) { __typename } }`)}`;
    const get = (search: string) =>
      fetch(`${server.url}/graphql/stream?${search}`, { headers: { accept: 'text/event-stream' } });
    for (const [response, status, code] of [
      [await post({}), 400, 'BAD_REQUEST'],
      [await post({ query, variables: [1] }), 400, 'BAD_REQUEST'],
      [await post({ query, operationName: 7 }), 400, 'BAD_REQUEST'],
      [await get('variables={}'), 400, 'BAD_REQUEST'],
      [await get('query={a}&variables={'), 400, 'BAD_REQUEST'],
      [await get(mutation), 405, 'BAD_REQUEST'],
      [await post({ query, variables: { id } }, { 'last-event-id': '-1' }), 400, 'last-event-id-invalid'],
      [await post({ query }, { 'content-type': 'text/plain' }), 415, 'BAD_REQUEST'],
    ] as const) {
      expect(response.status).toBe(status);
      const { errors } = (await response.json()) as { errors: { message: string; extensions: { code: string } }[] };
      expect(errors[0]!.extensions.code).toBe(code);
      expect(errors[0]!.message).toMatch(/^\[api\] got .+; expected .+\. .+\.$/);
    }
  });

  it('goes on behind Last-Event-ID, whatever its variables say', async () => {
    const id = await create(4);
    await client.events(id);
    const text = await (await post({ query: FOLLOW, variables: { id } }, { 'last-event-id': '5' })).text();
    expect(text.match(/^id: \d+$/gm)).toEqual(['id: 6', 'id: 7']);
    expect(text).toMatch(/^retry: 1000\n:\n\nid: 6\nevent: next\ndata: \{.*\}\n\n.*event: complete\ndata:\n\n$/s);
    expect((await post({ query: FOLLOW, variables: { id } }, { 'last-event-id': '7' })).status).toBe(204);
  });

  it('begins with its head, whenever the heartbeat comes', async () => {
    const id = await create(4);
    await client.events(id);
    let isThere = false;
    const asked = [`${server.url}/v1/generations/${id}/events`, urlOf(id)].map((url) => fetch(url));
    void Promise.all(asked).then(() => (isThere = true));
    while (!isThere) {
      beat();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const answer of await Promise.all(asked)) {
      expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      expect(await answer.text()).toMatch(/^(retry: 1000\n)?(:\n\n)*id: 1\n/m);
    }
  });

  it('is not counted where its client leaves early, or while another of its connection is answered', async () => {
    const images = { count: 64 };
    const running = await client.create({ model: 'sets', images, options: { steps: 64, respacing: '1000' } });
    const path = `/v1/generations/${running.id}/events`;
    const asked = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const leave = async (text: string, afterMs: number) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(text);
      await sleep(afterMs);
      socket.destroy();
      await once(socket, 'close');
    };
    for (let i = 0; i < 40; i += 1) await leave(asked, i % 4);
    for (let i = 0; i < 5; i += 1) await leave(asked + asked, 100);
    const cut = new AbortController();
    const four = await Promise.all([1, 2, 3, 4].map(() => fetch(server.url + path, { signal: cut.signal })));
    expect(four.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    cut.abort();
    await client.cancel(running.id);
  });

  it('is one of four of an address', async () => {
    const cut = new AbortController();
    const images = { count: 64 };
    const running = await client.create({ model: 'sets', images, options: { steps: 64, respacing: '1000' } });
    const open = () => fetch(urlOf(running.id), { headers: { accept: 'text/event-stream' }, signal: cut.signal });
    const all = await Promise.all([open(), open(), open(), open()]);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const more = await open();
    expect([more.status, more.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await more.json()).toMatchObject({ errors: [{ extensions: { code: 'too-many-sockets' } }] });
    cut.abort();
    await client.cancel(running.id);
  });
});
