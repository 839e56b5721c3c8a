import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Claim, EventBody, Store } from '@tessera/store';
import { startPostgres, type TestPostgres } from '@tessera/store/testing';
import type { FollowedEvent } from '../streams/followed-event.ts';
import { openStreams, type Streams } from '../streams/streams.ts';
import { openTestStore } from '../testing/open.ts';

/** Two replicas of the API and a worker, each with connections of its own to one PostgreSQL. */
let postgres: TestPostgres;
let stores: Store[];
let replicas: Streams[];
let worker: Store;

const model = 'm';
const owner = { tenant: '', client: 'a' };
const state = { target: 'onnx', draining: false, models: [], health: { status: 'ok', why: null } };

beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.database();
  stores = [await openTestStore({ url }), await openTestStore({ url })];
  replicas = stores.map(openStreams);
  worker = await openTestStore({ url });
  await worker.queue.register({ id: 'w', name: 'w', state });
});

afterAll(async () => {
  replicas.forEach((replica) => replica.close());
  await Promise.all([...stores, worker].map((store) => store.close()));
  await postgres.stop();
});

async function create(): Promise<string> {
  const request = { model, images: [{ condition: { kind: 'class', label: 1 } as const }], seed: 1 };
  const rest = {
    batchKey: randomUUID(),
    priority: 0,
    deadline: null,
    idempotencyKey: null,
    retryOf: null,
    trace: null,
  };
  const limits = { maxQueue: 100, maxQueueOfClient: 100 };
  return (await stores[0]!.generations.create({ id: randomUUID(), owner, request, ...rest }, limits)).generation.id;
}

const step = (index: number): EventBody => ({
  kind: 'step',
  index,
  of: 100,
  positions: [[index]],
  previews: null,
  sprite: null,
  details: null,
  milliseconds: 1,
});

/** As a worker does: again and again until the database has taken it. */
async function append(claim: Claim, seq: number, body: EventBody): Promise<void> {
  for (;;) {
    try {
      const lost = await worker.queue.append([{ ...claim, seq, body }]);
      if (lost.length > 0) throw new Error('The claim was lost.');
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'storage-failed') throw error;
      await pause(50);
    }
  }
}

async function claim(): Promise<Claim> {
  await worker.queue.beat('w', state);
  const [mine] = await worker.queue.claim({ worker: 'w', models: [model], maxImages: 1 });
  return { id: mine!.id, attempt: mine!.attempt };
}

async function rest(events: AsyncIterable<FollowedEvent>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq, kind } of events) if (kind !== 'waiting') seqs.push(seq);
  return seqs;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('followers on any replica', () => {
  it('see every event once and in order, also where they change replicas and the database restarts', async () => {
    const id = await create();
    const all = replicas.map(async (replica) => rest(await replica.events(owner, id, 0)));
    /** Leaves its replica behind every tenth event. */
    const wanderer = (async () => {
      const seqs: number[] = [];
      for (let turn = 0; seqs.at(-1) !== 102; turn++) {
        const events = await replicas[turn % 2]!.events(owner, id, seqs.at(-1) ?? 0);
        for await (const { seq, kind } of events) {
          if (kind !== 'waiting') seqs.push(seq);
          if (kind !== 'waiting' && seq % 10 === 0) break;
        }
      }
      return seqs;
    })();
    const mine = await claim();
    for (let seq = 2; seq <= 101; seq++) {
      if (seq === 30) await postgres.restart();
      if (seq === 60) await postgres.kill().then(() => postgres.start());
      await append(mine, seq, step(seq - 2));
    }
    await append(mine, 102, { kind: 'canceled' });
    expect(await Promise.all(all)).toEqual([upTo(102), upTo(102)]);
    expect(await wanderer).toEqual(upTo(102));
    const late = replicas.map(async (replica) => rest(await replica.events(owner, id, 50)));
    expect(await Promise.all(late)).toEqual([upTo(102, 51), upTo(102, 51)]);
  });

  it('hear of an event within a fraction of the slow look', async () => {
    const id = await create();
    const mine = await claim();
    const events = await replicas[1]!.events(owner, id, 1);
    const delays: number[] = [];
    for (let seq = 2; seq <= 12; seq++) {
      const told = events.next();
      await pause(5);
      const began = performance.now();
      await append(mine, seq, step(seq - 2));
      expect((await told).value).toMatchObject({ seq });
      delays.push(performance.now() - began);
    }
    await events.return!();
    await append(mine, 13, { kind: 'canceled' });
    // The slow look alone would take half a second.
    expect(delays.sort((one, other) => one - other)[5]).toBeLessThan(250);
  });

  it('hear that it was deleted; those of another tenant know nothing of it', async () => {
    const id = await create();
    for (const replica of replicas) {
      const others = replica.events({ tenant: 'other', client: 'a' }, id, 0);
      await expect(others).rejects.toMatchObject({ code: 'unknown-generation' });
    }
    const all = Promise.allSettled(replicas.map(async (replica) => rest(await replica.events(owner, id, 0))));
    await pause(50);
    await stores[0]!.generations.remove(id);
    const deleted = { status: 'rejected', reason: { code: 'generation-deleted' } };
    expect(await all).toMatchObject([deleted, deleted]);
  });

  it('hear of their places while they wait, of the newest before them, and nothing once it has begun', async () => {
    const ids = [await create(), await create()];
    const kinds = (events: AsyncIterable<FollowedEvent>) => {
      const seen: unknown[] = [];
      return (async () => {
        for await (const event of events) seen.push(event.kind === 'waiting' ? event.position : event.kind);
        return seen;
      })();
    };
    const all = ids.map(async (id, i) => kinds(await replicas[i]!.events(owner, id, 0)));
    await pause(2500);
    const first = await claim();
    await append(first, 2, { kind: 'started' });
    await pause(2500);
    await append(first, 3, { kind: 'canceled' });
    const second = await claim();
    await append(second, 2, { kind: 'started' });
    await append(second, 3, { kind: 'canceled' });
    expect(await Promise.all(all)).toEqual([
      ['queued', 0, 'started', 'canceled'],
      ['queued', 1, 0, 'started', 'canceled'],
    ]);
  });
});
