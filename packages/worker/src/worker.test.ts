import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Host } from '@tessera/host';
import { startPostgres, type TestPostgres } from '@tessera/store/testing';
import { endless, imagesOf, lastOf, long, openBench, type Bench } from './testing/bench.ts';
import type { Worker } from './worker.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

describe.each(['PGlite', 'PostgreSQL'])('a worker on %s', (database) => {
  let bench: Bench;
  let host: Host;
  let worker: Worker;
  /** Batches that the host was given. */
  let batches = 0;

  beforeAll(async () => {
    bench = await openBench(database === 'PGlite' ? null : await postgres.database());
    host = await bench.host();
    const { runBatch } = host;
    host.runBatch = (members) => {
      batches += 1;
      return runBatch.call(host, members);
    };
    worker = bench.worker(host);
  });
  afterAll(() => bench?.close());

  it('writes what happens, in order, with pictures that are stored', async () => {
    const { id } = await bench.create({ labels: [3, 4], preview: 'linear' });
    const events = await bench.events(id);
    const images = imagesOf(events);
    expect(events.map(({ kind }) => kind)).toEqual([
      ...['queued', 'loading', 'started'],
      ...['step', 'step', 'step', 'step', 'step', 'step', 'completed'],
    ]);
    const shown = events.flatMap((event) => (event.kind === 'step' ? [...event.previews!, event.sprite] : []));
    for (const sha of [...images, ...shown]) expect(await bench.blobs.sizeOf(sha!)).toBeGreaterThan(50);
    const found = await bench.store.pictures.find(images, '');
    expect(found.get(images[0]!)).toMatchObject({ width: 32, height: 32 });
    expect(await bench.store.generations.find(id, '')).toMatchObject({ state: 'completed', images });
  });

  it('puts 64 requests of one image into few batches, with the bytes of each alone', async () => {
    const before = batches;
    const all = await Promise.all(Array.from({ length: 64 }, (_, seed) => bench.create({ seed })));
    const images = await Promise.all(all.map(async ({ id }) => imagesOf(await bench.events(id))));
    expect(batches - before).toBeLessThanOrEqual(4);
    const alone = await bench.create({ seed: 63 });
    expect(imagesOf(await bench.events(alone.id))).toEqual(images[63]);
  });

  it('lets a request join the batch that runs', async () => {
    const before = batches;
    const first = await bench.create({ ...long, labels: Array.from({ length: 16 }, () => 1) });
    await bench.reached(first.id, 'started');
    const second = await bench.create({ ...long, labels: [2] });
    const [one, two] = await Promise.all([bench.events(first.id), bench.events(second.id)]);
    expect(batches - before).toBe(1);
    expect(two.find(({ kind }) => kind === 'started')!.at.getTime()).toBeLessThan(lastOf(one).at.getTime());
    const alone = await bench.create({ ...long, labels: [2] });
    expect(imagesOf(await bench.events(alone.id))).toEqual(imagesOf(two));
  });

  it('runs what it claimed too late for the batch that ran', async () => {
    const { queue } = bench.store;
    const { claim } = queue;
    const first = await bench.create({ ...long, labels: [1, 2, 3, 4] });
    let joined: Promise<unknown> | null = null;
    // The claim for the batch is answered after its end; one that is made meanwhile, later still.
    queue.claim = async (wanted) => {
      const claimed = await claim(wanted);
      const joins = wanted.batchKey !== undefined && claimed.length > 0;
      if (joins) joined = bench.events(first.id).then(() => new Promise((resolve) => setTimeout(resolve, 50)));
      await joined;
      if (!joins) await new Promise((resolve) => setTimeout(resolve, 50));
      return claimed;
    };
    try {
      await bench.reached(first.id, 'started');
      const second = await bench.create({ ...long, labels: [2] });
      expect(lastOf(await bench.events(second.id)).kind).toBe('completed');
      expect(joined).not.toBeNull();
    } finally {
      queue.claim = claim;
    }
  });

  it('makes no batch of more images than it was told', async () => {
    const before = batches;
    const labels = Array.from({ length: 40 }, () => 1);
    const first = await bench.create({ model: 'slow', labels });
    await bench.reached(first.id, 'started');
    const second = await bench.create({ model: 'slow', labels });
    await Promise.all([bench.events(first.id), bench.events(second.id)]);
    // The second did not join the first.
    expect(batches - before).toBe(2);
  });

  it('ends a canceled one within a step, and leaves its batch-mates alone', async () => {
    const labels = Array.from({ length: 12 }, () => 5);
    const [first, second] = await Promise.all([1, 20].map((seed) => bench.create({ ...long, labels, seed })));
    await bench.reached(first!.id, 'step');
    await bench.store.generations.cancel(first!.id);
    const steps = (await bench.reached(first!.id, 'canceled')).filter(({ kind }) => kind === 'step').length;
    const events = await bench.events(first!.id);
    expect(lastOf(events).kind).toBe('canceled');
    expect(events.filter(({ kind }) => kind === 'step').length).toBe(steps);
    const mate = imagesOf(await bench.events(second!.id));
    const alone = await bench.create({ ...long, labels, seed: 20 });
    expect(imagesOf(await bench.events(alone.id))).toEqual(mate);
  });

  it('cancels one at its time by itself, before any beat says so', async () => {
    const { queue } = bench.store;
    const { beat } = queue;
    queue.beat = async (...said) => ({ ...(await beat(...said)), canceled: [] });
    try {
      const labels = Array.from({ length: 40 }, () => 5);
      const { id } = await bench.create({ ...endless, labels }, { cancelAfterMs: 500 });
      const last = lastOf(await bench.events(id));
      expect(last.kind).toBe('canceled');
    } finally {
      queue.beat = beat;
    }
  });

  it.each(['slow', 'sets'])('hands over what runs when it ends: %s goes on from the written steps', async (model) => {
    const request = { model, labels: [1, 2, 3] };
    const whole = imagesOf(await bench.events((await bench.create(request)).id));
    const { id } = await bench.create(request);
    await bench.reached(id, 'step');
    const leaving = worker;
    await Promise.all([leaving.drain(), bench.reached(id, 'step')]);
    worker = bench.worker(await bench.host(), { finishMs: 0 });
    const events = await bench.events(id);
    expect(imagesOf(events)).toEqual(whole);
  });

  it('tells its state', async () => {
    const found = await vi.waitFor(async () => {
      const workers = await bench.store.queue.workers();
      return workers.find(({ id }) => id === worker.id) ?? expect.fail('It is not registered.');
    }, 60_000);
    expect(found.state).toMatchObject({ target: 'onnx', draining: false, health: { status: 'ok' } });
    expect(found.state.models.map(({ name }) => name)).toEqual(['quick', 'slow', 'sets']);
  });
});
