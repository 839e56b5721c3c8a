import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import express from 'express';
import type { Store, WorkerState } from '@tessera/store';
import { stopClock } from '@tessera/store/testing';
import { measuredStore, registry } from '@tessera/telemetry';
import { sendMetrics } from './metrics.ts';
import { openOverview } from './queue-facts.ts';
import { openTestStore } from '../testing/open.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-facts-'));
let store: Store;
let server: Server;
let url: string;

beforeAll(async () => {
  // Of the process: other files have counted.
  registry.resetMetrics();
  store = measuredStore(await openTestStore({ directory: folder }));
  const app = express().get('/metrics', sendMetrics(openOverview(store, 0)));
  server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
});

afterAll(async () => {
  server?.close();
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

const limits = { maxQueue: 100, maxQueueOfClient: 100 };
const request = { model: 'm', images: [{ condition: { kind: 'none' } }], seed: 1 } as never;

async function create(tenant: string): Promise<string> {
  const owner = { tenant, client: 'c' };
  const rest = { batchKey: 'k', priority: 0, deadline: null, idempotencyKey: null, retryOf: null, trace: null };
  return (await store.generations.create({ id: randomUUID(), owner, request, ...rest }, limits)).generation.id;
}

const model = { name: 'm', loaded: true, running: 0, millisecondsPerImage: null };
const state: WorkerState = {
  target: 'onnx',
  draining: false,
  models: [model],
  health: { status: 'ok', why: null },
};

async function metric(name: string): Promise<number | undefined> {
  const line = (await (await fetch(url)).text()).split('\n').find((text) => text.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

it('tells of an empty queue without workers', async () => {
  expect(await openOverview(store).queue()).toEqual({ queue: [], workers: [] });
  expect(await metric('tessera_database_up')).toBe(1);
  expect(await metric('tessera_workers{state="ready"}')).toBe(0);
});

it('tells what waits and runs, by model and tenant, and of each worker, from one statement', async () => {
  await store.queue.register({ id: 'w', name: 'host 1', state });
  const ids = [await create('a'), await create('a'), await create('b')];
  const [claim] = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 1 });
  const { queue, workers } = await openOverview(store).queue();
  const oldest: unknown = expect.any(Number);
  expect(queue).toEqual([
    { model: 'm', tenant: 'a', waiting: 1, running: 1, oldest },
    { model: 'm', tenant: 'b', waiting: 1, running: 0, oldest },
  ]);
  expect(workers).toMatchObject([{ id: 'w', name: 'host 1', target: 'onnx', models: [model], draining: false }]);
  expect(workers[0]).toMatchObject({ lost: false });
  expect(workers[0]!.silent).toBeLessThan(5);
  expect([
    await metric('tessera_queue_waiting{model="m"}'),
    await metric('tessera_queue_running{model="m"}'),
    await metric('tessera_workers{state="ready"}'),
    await metric('tessera_workers_with_model{model="m"}'),
    await metric('tessera_workers_with_model_loaded{model="m"}'),
  ]).toEqual([2, 1, 1, 1, 1]);
  expect(await metric('tessera_queue_oldest_seconds{model="m"}')).toBeGreaterThan(0);

  const failed = { kind: 'failed', code: 'too-hot', message: 'It got too hot.' } as const;
  const end = { id: claim!.id, attempt: claim!.attempt, seq: claim!.lastSeq + 1, body: failed };
  expect(await store.queue.append([end])).toEqual([]);
  expect(await openOverview(store).failures()).toMatchObject([
    { code: 'too-hot', count: 1, model: 'm', message: 'It got too hot.', at: expect.any(Date) as Date },
  ]);
  expect(ids).toContain(claim!.id);
});

it('counts a ready worker that can run a model, and no draining one, whether or not it has it in memory', async () => {
  await store.queue.beat('w', { ...state, models: [{ ...model, loaded: false }] });
  expect(await metric('tessera_workers_with_model{model="m"}')).toBe(1);
  expect(await metric('tessera_workers_with_model_loaded{model="m"}')).toBe(0);
  await store.queue.beat('w', { ...state, draining: true });
  expect(await metric('tessera_workers_with_model{model="m"}')).toBe(0);
});

it('counts no worker as ready that was not heard of for its lease', async () => {
  const clock = await stopClock(store.database);
  await clock.advance(store.queue.leaseMs + 1000);
  expect((await openOverview(store).queue()).workers).toMatchObject([{ id: 'w', lost: true }]);
  expect(await metric('tessera_workers{state="ready"}')).toBe(0);
  expect(await metric('tessera_workers{state="lost"}')).toBe(1);
  expect(await metric('tessera_workers_with_model{model="m"}')).toBe(0);
  await store.queue.beat('w', state);
  expect(await metric('tessera_workers{state="ready"}')).toBe(1);
});

it('counts what the store was asked to do', async () => {
  const before = {
    accepted: (await metric('tessera_generations_accepted_total{model="m"}'))!,
    ended: await metric('tessera_generations_ended_total{model="m",state="failed",code="too-hot"}'),
    waits: await metric('tessera_wait_seconds_count{model="m"}'),
    appends: (await metric('tessera_append_events_sum'))!,
  };
  expect(before).toEqual({ accepted: 3, ended: 1, waits: 1, appends: 1 });
  const [claim] = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 1 });
  const { id, attempt, lastSeq } = claim!;
  const step = { index: 0, of: 1, positions: [], previews: null, sprite: null, details: null, milliseconds: 5 };
  const bodies = [{ kind: 'started' }, { kind: 'step', ...step }] as const;
  await store.queue.append(bodies.map((body, i) => ({ id, attempt, seq: lastSeq + 1 + i, body })));
  await store.queue.release([claim!]);
  expect(await store.queue.append([{ id, attempt, seq: lastSeq + 3, body: { kind: 'canceled' } }])).toHaveLength(1);
  expect(await metric('tessera_first_step_seconds_count{model="m"}')).toBe(1);
  expect(await metric('tessera_step_seconds_sum{model="m"}')).toBe(0.005);
  expect(await metric('tessera_claims_released_total{reason="handed-over"}')).toBe(1);
  expect(await metric('tessera_append_events_sum')).toBe(before.appends + 3);
  expect(await metric('tessera_generations_ended_total{model="m",state="canceled",code=""}')).toBeUndefined();
  const again = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 64 });
  expect(again.map((one) => one.attempt)).toContain(2);
  expect(await metric('tessera_claims_total{attempt="again"}')).toBe(1);
});

it('counts what ended without a worker: by cancel, by deletion and at its deadline', async () => {
  const owner = { tenant: 'z', client: 'c' };
  const rest = { batchKey: 'k', priority: 0, idempotencyKey: null, retryOf: null, trace: null };
  const other = { ...(request as object), model: 'n' } as never;
  const make = async (deadline: Date | null) =>
    (await store.generations.create({ id: randomUUID(), owner, request: other, deadline, ...rest }, limits)).generation
      .id;
  await store.generations.cancel(await make(null));
  await store.generations.remove(await make(null));
  const late = await make(new Date(1000));
  await store.queue.reap();
  expect((await store.generations.find(late, 'z'))!.state).toBe('failed');
  // What has ended is not counted again.
  await store.generations.cancel(late);
  await store.generations.remove(late);
  const ended = (labels: string) => metric(`tessera_generations_ended_total{model="n",${labels}}`);
  expect(await ended('state="canceled",code=""')).toBe(2);
  expect(await ended('state="failed",code="deadline-passed"')).toBe(1);
});

it('still serves the numbers of the process where the database is gone', async () => {
  await store.close();
  expect(await metric('tessera_database_up')).toBe(0);
  expect(await metric('tessera_queue_waiting{model="m"}')).toBeUndefined();
  expect(await metric('tessera_claims_total{attempt="first"}')).toBeGreaterThan(0);
});
