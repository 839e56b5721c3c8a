import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APIError, OpenAI, toFile } from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import { openStore } from '@tessera/store';
import { newDatabase } from '@tessera/store/testing/new-database';
import { startServer, type RunningServer } from '../index.ts';
import type { ServerOptions } from '../server-options.ts';
import { testClient } from '../testing/test-client.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-openai-'));
let url: string;
let server: RunningServer;
let openai: OpenAI;
/** The port stays the same where the server is started again. */
const start = (more: Partial<ServerOptions> = {}) =>
  startServer({
    port: server ? Number(new URL(server.url).port) : 0,
    address: '127.0.0.1',
    databaseUrl: url,
    dataDirectory: join(root, 'data'),
    playground: join(root, 'none'),
    maxBatch: 8,
    modelFolders: ['quick', 'slow'].map((name) => join(root, name)),
    ...more,
  });

beforeAll(async () => {
  await writeRandomModel(join(root, 'quick'), { width: 32, depth: 1, channels: 1, name: 'quick' });
  await writeRandomModel(join(root, 'slow'), { name: 'slow', width: 256, depth: 16, channels: 3, step: 'set' });
  url = await newDatabase();
  server = await start();
  openai = new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0 });
});

afterAll(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('was taken'),
    (error: unknown) => error as InstanceType<typeof APIError>,
  );

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly seed: number;
}
/** Newest first. */
const list = async (first: number): Promise<readonly Listed[]> => {
  const { query } = testClient(server.url);
  const { generations } = await query<{ generations: { nodes: Listed[] } }>(
    `{ generations(first: ${first}) { nodes { id state seed } } }`,
  );
  return generations.nodes;
};

const picture = async () => {
  const png = sharp({ create: { width: 32, height: 32, channels: 3, background: '#777' } }).png();
  return toFile(await png.toBuffer(), 'image.png', { type: 'image/png' });
};

/** Much work in many short steps, and a whole batch: it still runs when it is canceled, and nothing runs beside it. */
const endless = { model: 'slow', prompt: '1', n: 8, ...({ options: { steps: 64, respacing: '100,100' } } as object) };

describe('a client that goes away', () => {
  it('cancels', async () => {
    const states = async () => (await list(2)).map(({ state }) => state);
    const stream = await openai.images.generate({ ...endless, stream: true });
    const whole = new AbortController();
    const waiting = openai.images.generate({ ...endless, prompt: '2' }, { signal: whole.signal });
    await vi.waitFor(
      async () => {
        const both = await states();
        expect(both.length).toBe(2);
        for (const state of both) expect(state).toMatch(/QUEUED|RUNNING/);
      },
      { timeout: 60_000 },
    );
    stream.controller.abort();
    whole.abort();
    await expect(waiting).rejects.toThrow('aborted');
    await vi.waitFor(async () => expect(await states()).toEqual(['CANCELED', 'CANCELED']), {
      timeout: 60_000,
      interval: 100,
    });
  });

  it.each(['generate', 'edit'] as const)('cancels also while its generation is stored: %s', async (kind) => {
    const store = await openStore({ url });
    const ask = async (sql: string) => (await store.database.query<{ count: number }>(sql)).rows[0]!.count;
    // The caller that creates waits for it.
    await ask('SELECT 0 AS count FROM pg_advisory_lock(73657372, 0)');
    const gone = new AbortController();
    const seed = kind === 'edit' ? 9001 : 9000;
    const body = { ...endless, seed };
    const signal = { signal: gone.signal };
    const edit = async () => ({ ...body, image: await picture(), box: [0, 0, 1, 0.5] });
    const call = kind === 'edit' ? openai.images.edit(await edit(), signal) : openai.images.generate(body, signal);
    const waiting = `SELECT count(*)::int FROM pg_locks JOIN pg_database d ON d.oid = database
      WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()`;
    await vi.waitFor(async () => expect(await ask(waiting)).toBe(1), 60_000);
    gone.abort();
    await expect(call).rejects.toThrow('aborted');
    // The server has heard of it once it answers another.
    await list(1);
    await ask('SELECT 0 AS count FROM pg_advisory_unlock(73657372, 0)');
    await vi.waitFor(async () => expect((await list(1))[0]).toMatchObject({ seed, state: 'CANCELED' }), {
      timeout: 60_000,
      interval: 100,
    });
    await store.close();
  });
});

describe('a server that ends', () => {
  /** A field of our own, which the client sends as it is. */
  const seeded = (seed: number) => ({ model: 'slow', prompt: '1', n: 2, ...({ seed } as object) });
  const retrying = (fetching: typeof fetch = fetch) =>
    new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 30, fetch: fetching });

  it(
    'says so to all who wait: their call, sent again, gets its images, and is drawn once',
    { tags: ['long'] },
    async () => {
      const stream = await openai.images.generate({ ...seeded(1), ...endless, stream: true, partial_images: 2 });
      // The others wait for it.
      await vi.waitFor(async () => expect(await list(1)).toMatchObject([{ seed: 1, state: 'RUNNING' }]), 60_000);
      const streamed = (async () => {
        for await (const event of stream) expect(event.type).toBe('image_generation.partial_image');
      })();
      const whole = openai.images.generate({ ...seeded(2), ...endless }).asResponse();
      const headers = { 'content-type': 'application/json', prefer: 'wait=30' };
      const init = { method: 'POST', headers, body: JSON.stringify({ model: 'slow', seed: 3 }) };
      const preferred = fetch(`${server.url}/v1/generations`, init);
      const again = retrying().images.generate(seeded(4));
      const keyed = retrying().images.generate(seeded(5), { headers: { 'Idempotency-Key': 'restart' } });
      const refusals = Promise.all([refusal(streamed), refusal(whole)]);
      await vi.waitFor(
        async () => {
          expect((await list(5)).map(({ seed }) => seed).sort()).toEqual([1, 2, 3, 4, 5]);
          for (const { state } of await list(5)) expect(state).toMatch(/QUEUED|RUNNING/);
        },
        { timeout: 60_000 },
      );
      const begun = Date.now();
      const closed = server.close();
      // Whatever is found below, the tests that follow have a server.
      const started = closed.then(async () => (server = await start({ maxQueueOfClient: 2 })));
      const [first, second] = await refusals;
      for (const error of [first, second]) {
        expect(error).toMatchObject({ code: 'stream-interrupted', type: 'server_error' });
        expect(error.message).toContain('got the end of this server; expected');
        expect(error.message).toContain('Send the same request again');
      }
      expect([second.status, second.headers?.get('retry-after')]).toEqual([503, '1']);
      const answer = await preferred;
      const { id } = (await answer.json()) as { id: string };
      expect([answer.status, answer.headers.get('location')]).toEqual([202, `/v1/generations/${id}`]);
      // Not by the 30 s that it would have waited for.
      expect(Date.now() - begun).toBeLessThan(25_000);
      await started;
      expect((await again).data!.length).toBe(2);
      expect((await keyed).data!.length).toBe(2);
      await vi.waitFor(async () => {
        const states = (await list(6)).map(({ seed, state }) => `${seed} ${state}`);
        // The key found its generation again; without one a second was made, and the first had been canceled.
        expect(states.sort()).toEqual(
          ['1 CANCELED', '2 CANCELED', '3 COMPLETED', '4 CANCELED', '4 COMPLETED', '5 COMPLETED'].sort(),
        );
      }, 60_000);
    },
  );

  it('has a limit, at which a call is refused, or made as soon as there is room', { tags: ['long'] }, async () => {
    const stop = new AbortController();
    const { signal } = stop;
    const fill = (seed: number) =>
      openai.images.generate({ ...seeded(seed), ...endless }, { signal }).catch(() => undefined);
    const states = async (first: number) => (await list(first)).map(({ state }) => state);
    // One that runs leaves its place in the queue.
    void fill(1);
    await vi.waitFor(async () => expect(await states(1)).toEqual(['RUNNING']), 60_000);
    void fill(2);
    void fill(3);
    await vi.waitFor(async () => expect(await states(3)).toEqual(['QUEUED', 'QUEUED', 'RUNNING']), 60_000);
    const full = await refusal(openai.images.generate({ model: 'quick', prompt: '1' }));
    expect(full).toMatchObject({ status: 429, code: 'queue-full', type: 'rate_limit_error' });
    expect(Number(full.headers!.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(full.headers!.get('x-should-retry')).toBeNull();
    const statuses: number[] = [];
    const watched: typeof fetch = async (...asked) => {
      const response = await fetch(...asked);
      statuses.push(response.status);
      if (response.status === 429) stop.abort();
      return response;
    };
    const { data } = await retrying(watched).images.generate({ model: 'quick', prompt: '1' });
    expect([data!.length, statuses]).toEqual([1, [429, 200]]);
  });

  it('does not let a client repeat what its idempotency key forbids', async () => {
    const headers = { 'Idempotency-Key': 'once' };
    await openai.images.generate({ model: 'quick', prompt: '1' }, { headers });
    const conflict = await refusal(retrying().images.generate({ model: 'quick', prompt: '2' }, { headers }));
    expect(conflict).toMatchObject({ status: 409, code: 'idempotency-conflict' });
  });
});
