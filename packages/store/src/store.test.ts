import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type NewGeneration, type Store } from './index.ts';
import { startPostgres, type TestPostgres } from './testing/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-store-'));
let postgres: TestPostgres;
beforeAll(async () => void (postgres = await startPostgres()), 60_000);
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

const wish = (more: Partial<NewGeneration> = {}): NewGeneration => ({
  id: randomUUID(),
  owner: { tenant: '', client: 'a' },
  request: { model: 'm', images: [{ condition: { kind: 'class', label: 1 } }], seed: 1 },
  batchKey: 'k',
  priority: 0,
  deadline: null,
  idempotencyKey: null,
  retryOf: null,
  trace: null,
  ...more,
});
const limits = { maxQueue: 10, maxQueueOfClient: 5 };
const state = { target: 'onnx', draining: false, models: [], health: { status: 'ok', why: null } };

describe.each(['pglite', 'postgresql'] as const)('%s', (kind) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(kind === 'pglite' ? { directory: folder } : { url: await postgres.database() });
  }, 60_000);
  afterAll(() => store.close());
  it('runs one', async () => {
    const { generation } = await store.generations.create(wish(), limits);
    expect(generation).toMatchObject({ state: 'queued', lastSeq: 1 });
    await store.queue.register({ id: 'w', name: 'w', state });
    const [claim] = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 4 });
    expect(claim).toMatchObject({ id: generation.id, attempt: 1, tokens: [], lastSeq: 1 });
    const mine = { id: claim!.id, attempt: 1 };
    const step = {
      kind: 'step',
      index: 0,
      of: 1,
      positions: [[0]],
      previews: null,
      sprite: null,
      details: null,
      milliseconds: 2.5,
    } as const;
    expect(
      await store.queue.append([
        { ...mine, seq: 2, body: { kind: 'started' } },
        { ...mine, seq: 3, body: step, tokens: Uint8Array.of(1, 2) },
      ]),
    ).toEqual([]);
    expect(await store.generations.places()).toEqual([]);
    await store.queue.release([mine]);
    const [again] = await store.queue.claim({ worker: 'w', models: ['m'], maxImages: 4 });
    expect(again).toMatchObject({ attempt: 2, tokens: [Uint8Array.of(1, 2)], milliseconds: [2.5], lastSeq: 3 });
    const late = { ...mine, seq: 4, body: { kind: 'canceled' } } as const;
    expect(await store.queue.append([late])).toEqual([mine]);
    const pictures = [{ sha256: 'x', width: 1, height: 1, bytes: 2 }];
    expect(await store.queue.append([{ ...late, attempt: 2, pictures }])).toEqual([]);
    expect(await store.pictures.find(['x', 'y'], '')).toEqual(new Map([['x', pictures[0]]]));
    const events = await store.generations.eventsAfter([{ id: generation.id, after: 1, most: 10 }]);
    expect(events.get(generation.id)!.map(({ kind }) => kind)).toEqual(['started', 'step', 'canceled']);
    expect(await store.generations.remove(generation.id)).toBe(true);
  });
});
