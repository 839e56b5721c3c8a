import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Host } from '@tessera/host';
import type { Claimed } from '@tessera/store';
import { Appender } from './appender.ts';
import { Recording } from './recording.ts';
import { endless, imagesOf, lastOf, long, openBench, type Bench } from './testing/bench.ts';
import type { Worker } from './worker.ts';

let bench: Bench;
let host: Host;
let worker: Worker;
const reports: string[] = [];
const report = (line: string) => void reports.push(line);
const many = Array.from({ length: 12 }, (_, label) => label % 10);

beforeAll(async () => {
  bench = await openBench(null);
  host = await bench.host();
  worker = bench.worker(host, { report, picturePatience: 1500 });
});
afterAll(() => bench?.close());

const noListener = { lost: () => undefined, refused: () => undefined };

/** A generation that a worker of that name has claimed; the worker of the bench ends. */
async function claimedBy(name: string, request: Parameters<Bench['create']>[0]): Promise<readonly Claimed[]> {
  await worker.drain();
  const { id } = await bench.create(request);
  const { queue } = bench.store;
  await queue.register({ id: name, name, state: worker.state() });
  const claimed = await queue.claim({ worker: name, models: ['quick'], maxImages: 1 });
  expect(claimed).toMatchObject([{ id }]);
  return claimed;
}

/** Nothing can be stored in the folder of pictures until the returned function is called. */
function breakPictures(): () => void {
  const [folder, aside] = [join(bench.folder, 'images'), join(bench.folder, 'aside')];
  mkdirSync(folder, { recursive: true });
  renameSync(folder, aside);
  writeFileSync(folder, '');
  return () => {
    rmSync(folder);
    renameSync(aside, folder);
  };
}

it('keeps pictures that cannot be stored, takes up nothing more, and goes on as before', async () => {
  const whole = imagesOf(await bench.events((await bench.create({ seed: 1 })).id));
  const repair = breakPictures();
  const { id } = await bench.create({ seed: 1 });
  await bench.reached(id, 'started');
  await vi.waitFor(() => expect(reports.join()).toContain(`a picture of generation ${id} is kept`), 60_000);
  const next = await bench.create({ seed: 1 });
  await sleep(300);
  expect(await bench.store.generations.find(next.id, '')).toMatchObject({ state: 'queued' });
  repair();
  expect(imagesOf(await bench.events(id))).toEqual(whole);
  expect(imagesOf(await bench.events(next.id))).toEqual(whole);
});

it('fails a generation whose pictures cannot be stored for too long', async () => {
  const repair = breakPictures();
  const { id } = await bench.create({});
  const last = lastOf(await bench.events(id));
  repair();
  expect(last).toMatchObject({ kind: 'failed', code: 'storage-failed' });
});

it('ends in order where an image cannot be stored and its generation is canceled before the last one', async () => {
  const [claimed] = await claimedBy('other', { labels: [1, 2] });
  const repair = breakPictures();
  const unheard: unknown[] = [];
  const hear = (error: unknown) => void unheard.push(error);
  process.on('unhandledRejection', hear);
  const line = new Appender(bench.store.queue, report).open(claimed!, claimed!.lastSeq, noListener);
  const { blobs } = bench;
  const recording = new Recording({ claimed: claimed!, line, blobs, durable: true, picturePatience: 9000, report });
  recording.take({ type: 'image', index: 0, png: new Uint8Array(64), milliseconds: 1 });
  await vi.waitFor(() => expect(recording.failing).toBe(1), 60_000);
  recording.end({ kind: 'canceled' });
  await recording.settled;
  await vi.waitFor(() => expect(recording.failing).toBe(0), 60_000);
  await sleep(50);
  process.off('unhandledRejection', hear);
  repair();
  expect(unheard).toEqual([]);
  expect(lastOf(await bench.events(claimed!.id)).kind).toBe('canceled');
  worker = bench.worker(host, { report, picturePatience: 1500 });
});

it('writes the newer attempt of a generation beside an older one whose claim was lost', async () => {
  const [older] = await claimedBy('other', {});
  await bench.store.queue.release([older!]);
  const [newer] = await bench.store.queue.claim({ worker: 'other', models: ['quick'], maxImages: 1 });
  const lost: string[] = [];
  const appender = new Appender(bench.store.queue, report);
  const open = (claimed: Claimed, name: string) =>
    appender.open(claimed, claimed.lastSeq, { ...noListener, lost: () => void lost.push(name) });
  const lines = [open(newer!, 'newer'), open(older!, 'older')];
  // While the first is being written, the others gather for one statement.
  for (const line of [lines[0]!, ...lines]) line.push({ kind: 'loading', model: 'quick' });
  await Promise.all(lines.map((line) => line.written()));
  expect(lost).toEqual(['older']);
  await bench.store.queue.release([newer!]);
  worker = bench.worker(host, { report, picturePatience: 1500 });
  imagesOf(await bench.events(newer!.id));
});

it('writes what a full database did not take, once it can; others go on meanwhile', async () => {
  const { database } = bench.store;
  await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.kind = 'completed' AND NEW.generation_id::text = current_setting('tessera.refused', true) THEN
      RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
    END IF; RETURN NEW; END $$`);
  await database.query('CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()');
  const { id } = await bench.create({});
  await database.query(`SELECT set_config('tessera.refused', $1, false)`, [id]);
  const other = await bench.create({ seed: 2 });
  imagesOf(await bench.events(other.id));
  await vi.waitFor(() => expect(reports.join()).toContain(`generation ${id} is kept until it can be written`), 60_000);
  expect(await bench.store.generations.find(id, '')).toMatchObject({ state: 'running' });
  await database.query(`SELECT set_config('tessera.refused', '', false)`);
  imagesOf(await bench.events(id));
});

it('keeps its memory bounded: a batch stops while too much waits, and goes on where it was', async () => {
  const request = { model: 'slow', labels: many };
  const whole = imagesOf(await bench.events((await bench.create(request)).id));
  await worker.drain();
  worker = bench.worker(host, { report, backlogBytes: 1 });
  const events = await bench.events((await bench.create(request)).id);
  expect(imagesOf(events)).toEqual(whole);
  expect(events.filter(({ kind }) => kind === 'restarted').length).toBeGreaterThan(0);
  await worker.drain();
  worker = bench.worker(host, { report });
});

it('writes nothing more of a claim that another worker has taken', async () => {
  const { id } = await bench.create({ ...long, labels: many });
  await bench.reached(id, 'step');
  await bench.store.database.query(`UPDATE generation SET attempt = attempt + 1, worker = 'other' WHERE id = $1`, [id]);
  const { lastSeq } = (await bench.store.generations.find(id, ''))!;
  await vi.waitFor(() => expect(worker.state().models.every(({ running }) => running === 0)).toBe(true), 60_000);
  expect(await bench.store.generations.find(id, '')).toMatchObject({ lastSeq, state: 'running' });
  // The other one is not alive: any process gives it back, as soon as it has reached the database for a whole lease.
  await vi.waitFor(async () => expect(await bench.store.queue.reap()).toBe(1), { timeout: 60_000, interval: 200 });
  imagesOf(await bench.events(id));
});

it('gives back what it owns and does not know: the answer of a claim was lost', async () => {
  const busy = await bench.create({ ...long, labels: many });
  await bench.reached(busy.id, 'started');
  const { id } = await bench.create({ model: 'sets' });
  const claim = { worker: worker.id, models: ['sets'], maxImages: 1 };
  expect(await bench.store.queue.claim(claim)).toMatchObject([{ id, attempt: 1 }]);
  const events = await bench.events(id);
  imagesOf(events);
  expect(events.find(({ kind }) => kind === 'restarted')).toMatchObject({ attempt: 2, fromStep: 0 });
});

it(
  'tries again when the process of the models dies, and fails what ends it three times',
  { tags: ['long'] },
  async () => {
    const whole = imagesOf(await bench.events((await bench.create({ model: 'slow', labels: many })).id));
    const { id } = await bench.create({ model: 'slow', labels: many });
    await bench.reached(id, 'step');
    process.kill(host.pid!, 'SIGKILL');
    expect(imagesOf(await bench.events(id))).toEqual(whole);
    const last = await bench.create({ ...endless, labels: many });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await vi.waitFor(async () => {
        expect(await bench.store.generations.find(last.id, '')).toMatchObject({ state: 'running', attempt });
        expect(host.health().status).toBe('ok');
      }, 60_000);
      process.kill(host.pid!, 'SIGKILL');
    }
    expect(lastOf(await bench.events(last.id))).toMatchObject({ kind: 'failed', code: 'model-process-died' });
    imagesOf(await bench.events((await bench.create({})).id));
  },
);

it(
  'blames nothing and claims nothing while that process cannot start, and goes on by itself when it can',
  { tags: ['long'] },
  async () => {
    const { queue } = bench.store;
    const { claim } = queue;
    const pid = host.pid!;
    vi.stubEnv('NODE_OPTIONS', '--require=/not/there.cjs');
    // It ends between the claim and the batch.
    queue.claim = async (wanted) => {
      const claimed = await claim(wanted);
      if (claimed.length === 0) return claimed;
      queue.claim = claim;
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(host.health().status).toBe('dead'), 60_000);
      return claimed;
    };
    const { id } = await bench.create({ seed: 1 });
    await vi.waitFor(() => expect(host.health().status).toBe('dead'), 60_000);
    await sleep(2500);
    expect(await bench.store.generations.find(id, '')).toMatchObject({ state: 'queued', attempt: 1 });
    const { rows } = await bench.store.database.query('SELECT blames FROM generation WHERE id = $1', [id]);
    expect(rows).toEqual([{ blames: 0 }]);
    expect(worker.state().health.status).not.toBe('ok');
    vi.unstubAllEnvs();
    imagesOf(await bench.events(id));
  },
);
