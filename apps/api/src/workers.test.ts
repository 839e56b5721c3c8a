import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRandomModel } from '@tessera/host/testing';
import type { GenerationEvent, Store } from '@tessera/store';
import { newDatabase } from '@tessera/store/testing/new-database';
import type { RunningServer } from './index.ts';
import { startRole, type RoleProcess } from './testing/processes.ts';
import { ofLabels, testClient, type TestClient } from './testing/test-client.ts';
import { openTestStore, startTestServer } from './testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-workers-'));
const models = join(root, 'models');
const dataDirectory = join(root, 'data');
/** Many steps of equal length: time enough to end what runs it. */
const labels = Array.from({ length: 12 }, (_, image) => image % 10);
const long = { model: 'slow', images: ofLabels(labels), options: { steps: 64, respacing: '1000' }, preview: 'NONE' };
let databaseUrl: string;
let store: Store;
let api: RunningServer;
let client: TestClient;
let workers: RoleProcess[] = [];

async function startWorkers(count: number): Promise<void> {
  const environment = { TESSERA_MAX_BATCH: '1', TESSERA_LOG_LEVEL: 'info' };
  const options = { role: 'worker', databaseUrl, dataDirectory, models, environment } as const;
  const started = await Promise.all(Array.from({ length: count }, () => startRole(options)));
  workers = [...workers, ...started];
}

/** The process that runs a generation now. */
async function workerOf(id: string): Promise<RoleProcess> {
  const sql = 'SELECT w.name FROM generation g JOIN worker w ON w.id = g.worker WHERE g.id = $1';
  const { rows } = await store.database.query<{ name: string }>(sql, [id]);
  return workers.find(({ pid }) => rows[0]!.name.endsWith(` ${pid}`))!;
}

const logOf = async (id: string) => (await store.generations.eventsAfter([{ id, after: 0, most: 1000 }])).get(id)!;

/** Exactly one last event, no gap, no step twice: then its images. */
function imagesOf(events: readonly GenerationEvent[]): readonly string[] {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const steps = events.flatMap((event) => (event.kind === 'step' ? [event.index] : []));
  expect(steps).toEqual(steps.map((_, index) => index));
  expect(events.filter(({ kind }) => /^(completed|failed|canceled)$/.test(kind))).toEqual([events.at(-1)]);
  const last = events.at(-1)!;
  if (last.kind !== 'completed') throw new Error(JSON.stringify(last));
  return last.images;
}

/** Begins a generation, and waits until it has come to a step. */
async function begin(): Promise<{ readonly id: string; readonly worker: RoleProcess }> {
  const { id } = await client.create(long);
  await client.events(id, { enough: ({ kind }) => kind === 'STEP' });
  return { id, worker: await workerOf(id) };
}

/** The images of that generation where nothing disturbs it. */
let undisturbed: Promise<readonly string[]> | undefined;
const whole = () =>
  (undisturbed ??= (async () => {
    const { id } = await client.create(long);
    await client.events(id);
    return imagesOf(await logOf(id));
  })());

beforeAll(async () => {
  databaseUrl = await newDatabase();
  await writeRandomModel(join(models, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(join(models, 'slow'), { name: 'slow', width: 32, depth: 1, channels: 3, step: 'set' });
  const modelFolders = ['quick', 'slow'].map((name) => join(models, name));
  const place = { port: 0, address: '127.0.0.1', playground: join(root, 'none') };
  api = await startTestServer({ ...place, role: 'api', databaseUrl, dataDirectory, modelFolders });
  client = testClient(api.url);
  store = await openTestStore({ url: databaseUrl });
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
  await api?.close();
  await store?.close();
  rmSync(root, { recursive: true, force: true });
});

it('accepts before any worker is there; two that come share the work', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, (_, seed) => client.create({ model: 'quick', seed })));
  await startWorkers(2);
  const seen = new Set<string>();
  await vi.waitFor(
    async () => {
      const sql = 'SELECT state, worker FROM generation';
      const { rows } = await store.database.query<{ state: string; worker: string | null }>(sql);
      for (const { worker } of rows) if (worker !== null) seen.add(worker);
      expect(rows.filter(({ state }) => state !== 'completed')).toEqual([]);
    },
    { timeout: 60_000, interval: 3 },
  );
  expect(seen.size).toBe(2);
  for (const { id } of all) imagesOf(await logOf(id));
});

it('loses nothing to SIGKILL: another worker goes on from the written steps', async () => {
  await whole();
  const { id, worker } = await begin();
  const killed = Date.now();
  await worker.end('SIGKILL');
  await client.events(id);
  const events = await logOf(id);
  expect(imagesOf(events)).toEqual(await whole());
  const restarted = events.find((event) => event.kind === 'restarted')!;
  expect(restarted).toMatchObject({ attempt: 2 });
  expect(restarted.kind === 'restarted' && restarted.fromStep).toBeGreaterThan(0);
  expect(restarted.at.getTime() - killed).toBeLessThan(10_000);
});

it('lets a worker that was stopped for longer than its lease write nothing more', { tags: ['long'] }, async () => {
  await startWorkers(2);
  const { id, worker } = await begin();
  worker.child.kill('SIGSTOP');
  await client.events(id);
  const before = await logOf(id);
  expect(imagesOf(before)).toEqual(await whole());
  expect(before.some(({ kind }) => kind === 'restarted')).toBe(true);
  worker.child.kill('SIGCONT');
  await vi.waitFor(async () => {
    const beaten = (await store.queue.workers()).find(({ name }) => name.endsWith(` ${worker.pid}`));
    expect(Date.now() - (beaten?.seenAt.getTime() ?? 0)).toBeLessThan(2500);
  }, 60_000);
  await sleep(1000);
  expect(await logOf(id)).toEqual(before);
});

it('hands over at SIGTERM: at once, and ends with code 0', async () => {
  await startWorkers(1);
  const { id, worker } = await begin();
  const told = Date.now();
  expect(await worker.end('SIGTERM')).toEqual([0, null]);
  await client.events(id);
  const events = await logOf(id);
  expect(imagesOf(events)).toEqual(await whole());
  const { at } = events.find(({ kind }) => kind === 'restarted')!;
  // Much sooner than a lease.
  expect(at.getTime() - told).toBeLessThan(5000);
});
