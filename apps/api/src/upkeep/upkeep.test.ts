import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBlobs, type Blobs } from '@tessera/blobs';
import { s3Servers } from '@tessera/blobs/testing';
import type { Append, Store } from '@tessera/store';
import { newDatabase } from '@tessera/store/testing/new-database';
import { writeRandomModel } from '@tessera/host/testing';
import { jobOf } from './job.ts';
import { readUpkeepOptions, type UpkeepOptions } from './upkeep-options.ts';
import { sweep } from './upkeep.ts';
import { openTestStore, startTestServer } from '../testing/open.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-upkeep-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const nothing: UpkeepOptions = { keepDays: null, keepPreviewsDays: null, keepUploadsDays: null };
const { signal } = new AbortController();
const worker = {
  id: 'w',
  name: 'w',
  state: { target: 'onnx', draining: false, models: [], health: { status: 'ok', why: null } },
};
const [s3] = s3Servers(root);

describe.each(['pglite', 'postgresql'] as const)('upkeep on %s', (kind) => {
  let store: Store;
  let blobs: Blobs;
  let stopBlobs: () => unknown = () => undefined;

  beforeAll(async () => {
    mkdirSync(join(root, 'db'), { recursive: true });
    store = await openTestStore(kind === 'pglite' ? { directory: join(root, 'db') } : { url: await newDatabase() });
    const server = kind === 'pglite' ? { place: join(root, 'files'), stop: () => undefined } : await s3!.start();
    blobs = await openBlobs(root, server.place);
    stopBlobs = () => server.stop();
    await store.queue.register(worker);
  });
  afterAll(async () => {
    await store?.close();
    await blobs?.close();
    await stopBlobs();
  });
  beforeEach(async () => {
    await store.database.query('DELETE FROM generation');
    await store.database.query('DELETE FROM picture');
    await sweep({ ...nothing, store, blobs }, { signal, graceMs: -60_000 });
  });

  const picture = async (seed: number) => {
    const sha256 = await blobs.put(Uint8Array.from({ length: 100 }, (_, i) => i * seed));
    return { sha256, width: 1, height: 1, bytes: 100 };
  };
  /** A finished generation of one step, with a preview, a sprite and an image. */
  const generate = async (days: number, seed: number, edit?: string) => {
    const id = randomUUID();
    const request = {
      model: 'm',
      images: [{ condition: { kind: 'none' } as const }],
      seed,
      ...(edit && { edit: { image: edit } }),
    };
    const wish = {
      owner: { tenant: '', client: 'a' },
      request,
      batchKey: id,
      priority: 0,
      deadline: null,
      idempotencyKey: null,
    };
    await store.generations.create({ id, ...wish, retryOf: null, trace: null }, { maxQueue: 99, maxQueueOfClient: 99 });
    if (days < 0) return { id, shas: [] };
    await store.queue.beat(worker.id, worker.state);
    const [claim] = await store.queue.claim({ worker: worker.id, models: ['m'], maxImages: 1 });
    const [preview, sprite, image] = await Promise.all([picture(seed), picture(seed + 1), picture(seed + 2)]);
    const mine = { id, attempt: claim!.attempt };
    const step = { kind: 'step', index: 0, of: 1, positions: [[0]], details: null, milliseconds: 1 } as const;
    const events: Append[] = [
      { ...mine, seq: 2, body: { kind: 'started' } },
      {
        ...mine,
        seq: 3,
        body: { ...step, previews: [preview!.sha256], sprite: sprite!.sha256 },
        pictures: [preview!, sprite!],
      },
      {
        ...mine,
        seq: 4,
        body: { kind: 'completed', images: [image!.sha256], timings: { steps: [], images: [], total: 1 } },
        pictures: [image!],
      },
    ];
    expect(await store.queue.append(events)).toEqual([]);
    await store.database.query(
      `UPDATE generation SET finished_at = finished_at - make_interval(days => $2) WHERE id = $1`,
      [id, days],
    );
    return { id, shas: [preview!.sha256, sprite!.sha256, image!.sha256] };
  };
  const stored = async (shas: readonly string[]) => {
    const sizes = await Promise.all(shas.map((sha256) => blobs.sizeOf(sha256)));
    return sizes.map((size) => size !== null);
  };
  const sweepNow = (keep: Partial<UpkeepOptions> = {}, graceMs = -60_000) =>
    sweep({ ...nothing, ...keep, store, blobs }, { signal, graceMs });

  it('keeps everything where nothing is said', async () => {
    const { shas } = await generate(10_000, 3);
    expect(await sweepNow()).toEqual({ generations: 0, previews: 0, uploads: 0, quotas: 0, blobs: 0 });
    expect(await stored(shas)).toEqual([true, true, true]);
  });

  it('deletes generations of an age with their pictures, but none that another refers to', async () => {
    const old = await generate(10, 3);
    const young = await generate(8, 5);
    expect(old.shas[2]).toBe(young.shas[0]);
    expect(await sweepNow({ keepDays: 9 })).toMatchObject({ generations: 1, blobs: 2 });
    expect(await stored(old.shas)).toEqual([false, false, true]);
    expect(await stored(young.shas)).toEqual([true, true, true]);
    expect(await store.generations.find(old.id, null)).toBe(null);
    expect(await store.generations.find(young.id, null)).toMatchObject({ state: 'completed' });
  });

  it('deletes previews of an age and leaves the events without a gap', async () => {
    const { id, shas } = await generate(3, 11);
    expect(await sweepNow({ keepPreviewsDays: 2 })).toEqual({
      generations: 0,
      previews: 1,
      uploads: 0,
      quotas: 0,
      blobs: 2,
    });
    expect(await sweepNow({ keepPreviewsDays: 2 })).toEqual({
      generations: 0,
      previews: 0,
      uploads: 0,
      quotas: 0,
      blobs: 0,
    });
    expect(await stored(shas)).toEqual([false, false, true]);
    const events = (await store.generations.eventsAfter([{ id, after: 0, most: 99 }])).get(id)!;
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(events[2]).toMatchObject({ kind: 'step', previews: null, sprite: null, positions: [[0]] });
    expect(await store.generations.find(id, null)).toMatchObject({ images: [shas[2]] });
  });

  it('deletes uploads of an age, but not the file of one that a waiting generation edits', async () => {
    const [edited, other] = [await picture(21), await picture(22)];
    for (const one of [edited, other]) await store.pictures.add('', one);
    await store.database.query("UPDATE picture SET created_at = created_at - interval '5 days'");
    const young = await picture(23);
    await store.pictures.add('', young);
    await generate(-1, 1, edited.sha256);
    expect(await sweepNow({ keepUploadsDays: 4 })).toEqual({
      generations: 0,
      previews: 0,
      uploads: 2,
      quotas: 0,
      blobs: 1,
    });
    expect(await stored([edited, other, young].map(({ sha256 }) => sha256))).toEqual([true, false, true]);
  });

  it('deletes what was counted of a day that is over', async () => {
    const inHours = (hours: number) => Date.now() + hours * 3_600_000;
    await store.database.query(`INSERT INTO quota (key, points, expire) VALUES ('old', 1, $1), ('young', 1, $2)`, [
      inHours(-2),
      inHours(1),
    ]);
    expect(await sweepNow()).toMatchObject({ quotas: 1 });
    expect((await store.database.query('SELECT key FROM quota')).rows).toEqual([{ key: 'young' }]);
  });

  it('deletes a generation, but not the file of its image that a waiting generation edits', async () => {
    const source = await generate(1, 41);
    const edit = await generate(-1, 1, source.shas[2]);
    expect(await store.generations.remove(source.id)).toBe(true);
    expect(await sweepNow()).toMatchObject({ blobs: 2 });
    expect(await stored(source.shas)).toEqual([false, false, true]);
    await store.generations.cancel(edit.id);
    expect(await sweepNow()).toMatchObject({ blobs: 1 });
  });

  it('leaves pictures that may still be referred to, by their age', async () => {
    const { sha256 } = await picture(31);
    expect((await sweepNow({}, 60_000)).blobs).toBe(0);
    expect(await stored([sha256])).toEqual([true]);
    expect((await sweepNow()).blobs).toBe(1);
    expect(await stored([sha256])).toEqual([false]);
  });

  it('removes more than one batch', async () => {
    for (let i = 0; i < 103; i++) {
      const sql = `INSERT INTO generation (id, model, request, state, batch_key, image_count, finished_at)
        VALUES ($1, 'm', '{}', 'failed', '', 1, now() - interval '2 days')`;
      await store.database.query(sql, [randomUUID()]);
    }
    let batches = 0;
    const onBatch = () => Promise.resolve(void (batches += 1));
    expect(await sweep({ ...nothing, keepDays: 1, store, blobs }, { signal, onBatch })).toMatchObject({
      generations: 103,
    });
    // Two of generations, and one of quotas, which finds nothing.
    expect(batches).toBe(3);
  });

  it('is done by one process at a time, and by another where that one dies', async () => {
    const jobs = Array.from({ length: 8 }, () => jobOf(store.database, 'test'));
    const taken = await Promise.all(jobs.map((job) => job.take(60)));
    expect(taken.filter(Boolean).length).toBe(1);
    expect(await jobs[0]!.take(60)).toBe(false);
    await store.database.query("UPDATE job SET due_at = due_at - interval '61 seconds'");
    expect(await jobs[1]!.take(60)).toBe(true);
    await jobs[1]!.postpone(-1);
    expect(await jobs[2]!.take(60)).toBe(true);
  });
});

it('reads days', () => {
  expect(readUpkeepOptions({ TESSERA_KEEP_DAYS: '30', TESSERA_KEEP_UPLOADS_DAYS: '0.5' })).toEqual({
    keepDays: 30,
    keepPreviewsDays: null,
    keepUploadsDays: 0.5,
  });
  for (const text of ['0', '-1', 'x', '1e3', '99999']) {
    expect(() => readUpkeepOptions({ TESSERA_KEEP_DAYS: text })).toThrow(
      /TESSERA_KEEP_DAYS=.*; expected a number of days/,
    );
  }
});

it('finds every picture of a real generation in use', async () => {
  await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  const dataDirectory = join(root, 'data');
  const where = { port: 0, address: '127.0.0.1', dataDirectory, playground: root, modelFolders: [join(root, 'quick')] };
  const server = await startTestServer(where);
  const body = JSON.stringify({ model: 'quick', images: [{ count: 3 }], preview: 'decoded' });
  const headers = { prefer: 'wait=60', 'content-type': 'application/json' };
  const made = await fetch(`${server.url}/v1/generations`, { method: 'POST', headers, body });
  expect(made.status).toBe(201);
  await server.close();
  const store = await openTestStore({ directory: dataDirectory });
  const blobs = await openBlobs(join(dataDirectory, 'images'));
  const stored = async () => {
    const all = [];
    for await (const { sha256 } of blobs.list()) all.push(sha256);
    return all.sort();
  };
  const before = await stored();
  // Three images, and at least one preview and one sprite.
  expect(before.length).toBeGreaterThan(4);
  const stray = await blobs.put(new Uint8Array(50));
  expect(await sweep({ ...nothing, store, blobs }, { signal, graceMs: -60_000 })).toMatchObject({ blobs: 1 });
  expect(await stored()).toEqual(before);
  expect(before).not.toContain(stray);
  await store.close();
});
