import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { imagesOfClasses, type GenerationRequest } from '@tessera/request';
import { startHost, type Host, type HostEvent } from './index.ts';
import { writeRandomModel } from './testing/write-random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-host-'));
const quick: GenerationRequest = { model: 'quick', images: imagesOfClasses([3, 5]), seed: 7 };
/** Long enough to be interrupted. */
const slow: GenerationRequest = { model: 'slow', images: imagesOfClasses(new Array<number>(16).fill(3)), seed: 1 };
/** It still runs when a test ends it, also on a fast machine. */
const long: GenerationRequest = { ...slow, images: imagesOfClasses(new Array<number>(64).fill(3)) };
const reports: string[] = [];
let host: Host;

beforeAll(async () => {
  await writeRandomModel(join(folder, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(join(folder, 'slow'), { name: 'slow', width: 192, depth: 8, channels: 3 });
  await writeRandomModel(join(folder, 'sets'), { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  const modelFolders = ['quick', 'slow', 'sets', 'none'].map((name) => join(folder, name));
  host = await startHost({ modelFolders, report: (line) => reports.push(line) });
});

afterAll(async () => {
  await host?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function collect(events: AsyncIterable<HostEvent>): Promise<HostEvent[]> {
  const all: HostEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const types = (events: readonly HostEvent[]) => events.map(({ type }) => type);
const isPng = (bytes: Uint8Array | null) => bytes !== null && Buffer.from(bytes.subarray(1, 4)).toString() === 'PNG';

describe('a host', () => {
  it('describes its models, and says what is wrong with a folder', () => {
    expect(host.models().map(({ name }) => name)).toEqual(['quick', 'slow', 'sets']);
    expect(host.models()[0]).toMatchObject({
      image: { height: 32, width: 32, channels: 1 },
      vocabulary: 64,
      tokens: 130,
      guidanceOff: 0,
      options: { properties: { topK: { default: 32, minimum: 0, maximum: 64 }, topP: { default: 0.95 } } },
      defaults: { guidance: 1.5, preview: 'linear' },
    });
    expect(host.models()[0]!.layout.slice(0, 3)).toEqual([
      { start: 0, height: 1, width: 1 },
      { start: 1, height: 2, width: 2 },
      { start: 5, height: 3, width: 3 },
    ]);
    expect(host.models()[2]).toMatchObject({
      vocabulary: null,
      tokens: 64,
      layout: [{ start: 0, height: 8, width: 8 }],
      guidanceOff: 1,
      options: {
        properties: { steps: { type: 'integer', default: 5, minimum: 1, maximum: 64 }, respacing: { default: '4' } },
      },
      defaults: { guidance: 2 },
    });
    expect(host.models()[0]!.parameters).toBeGreaterThan(1000);
    expect(host.problems()).toMatchObject([{ folder: join(folder, 'none'), code: 'manifest-missing' }]);
    expect(host.why.length).toBeGreaterThan(0);
  });

  it('tells every step with previews, every image, and the end', async () => {
    const events = await collect(host.generate(quick));
    expect(types(events)).toEqual(['loading', 'started', ...new Array(6).fill('step'), 'image', 'image', 'completed']);
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.map(({ index, of }) => [index, of])).toEqual([0, 1, 2, 3, 4, 5].map((index) => [index, 6]));
    // One list holds for both images.
    expect(steps.map(({ positions }) => positions.map(({ length }) => length))).toEqual(
      [1, 4, 9, 16, 36, 64].map((length) => [length]),
    );
    expect(steps.every(({ previews }) => previews?.length === 2 && previews.every(isPng))).toBe(true);
    expect(events.filter((event) => event.type === 'image').every(({ png }) => isPng(png))).toBe(true);
    const last = events.at(-1)!;
    expect(last.type === 'completed' && last.timings.steps.length === 6 && last.timings.total > 0).toBe(true);
  });

  it('tells the positions of each image where every image has an order of its own', async () => {
    const events = await collect(host.generate({ ...quick, model: 'sets', options: { steps: 8 } }));
    expect(types(events)).toEqual(['loading', 'started', ...new Array(8).fill('step'), 'image', 'image', 'completed']);
    const steps = events.filter((event) => event.type === 'step');
    const orders = [0, 1].map((image) => steps.flatMap(({ positions }) => positions[image]!));
    for (const order of orders) expect(new Set(order)).toEqual(new Set(Array(64).keys()));
    expect(orders[0]).not.toEqual(orders[1]);
  });

  it.each(['quick', 'sets'])('makes the same bytes from the same seed: %s', async (model) => {
    const images = async (request: GenerationRequest) =>
      (await collect(host.generate(request))).flatMap((event) =>
        event.type === 'image' ? [Buffer.from(event.png)] : [],
      );
    const request = { ...quick, model };
    const both = await images(request);
    expect(await images(request)).toEqual(both);
    expect(await images({ ...request, images: imagesOfClasses([5]), seed: 8 })).toEqual([both[1]]);
    expect(both[0]!.equals(both[1]!)).toBe(false);
  });

  it('fails with the code of what went wrong, and lives on', async () => {
    const failed = async (request: GenerationRequest) => (await collect(host.generate(request))).at(-1);
    expect(await failed({ ...quick, model: 'qick' })).toMatchObject({
      type: 'failed',
      code: 'unknown-model',
      message: expect.stringContaining('Did you mean quick?'),
    });
    expect(await failed({ ...quick, images: imagesOfClasses([99]) })).toMatchObject({
      type: 'failed',
      code: 'label-out-of-range',
    });
    expect(await failed(quick)).toMatchObject({ type: 'completed' });
  });

  it('says what is wrong with a request before it runs, in the words of the model', async () => {
    const wrong: [string, GenerationRequest][] = [
      ['unknown-model', { ...quick, model: 'none' }],
      ['label-out-of-range', { ...quick, images: imagesOfClasses([99]) }],
      ['seed-out-of-range', { ...quick, seed: -1 }],
      ['guidance-out-of-range', { ...quick, guidance: 1e9 }],
      ['field-invalid', { ...quick, options: { topK: 65 } }],
      ['option-unknown', { ...quick, options: { steps: 3 } }],
    ];
    host.check(quick);
    for (const [code, request] of wrong) {
      const last = (await collect(host.generate(request))).at(-1)!;
      expect(() => host.check(request)).toThrow(expect.objectContaining({ code }));
      if (last.type !== 'failed') throw new Error('was made');
      expect(() => host.check(request)).toThrow(last.message);
    }
  });
});

describe('an edit', () => {
  const picture = join(folder, 'picture.png');
  const lower = { image: picture, box: [0, 0.5, 1, 1] };
  const grayOf = (png: Uint8Array) => sharp(png).toColourspace('b-w').raw().toBuffer();

  it.each(['quick', 'sets'])('keeps the pixels of a file, byte for byte: %s', async (model) => {
    const given = Uint8Array.from({ length: 1024 }, (_, i) => (i * 7) % 256);
    await sharp(given, { raw: { height: 32, width: 32, channels: 1 } })
      .png()
      .toFile(picture);
    const events = await collect(host.generate({ ...quick, model, images: imagesOfClasses([-1, 4]), edit: lower }));
    const images = events.flatMap((event) => (event.type === 'image' ? [event.png] : []));
    expect(images.length).toBe(2);
    for (const png of images) {
      const made = await grayOf(png);
      expect([...made.subarray(0, 512)]).toEqual([...given.subarray(0, 512)]);
      expect([...made.subarray(512)]).not.toEqual([...given.subarray(512)]);
    }
  });

  it('fails with the code of what is wrong with it', async () => {
    const gone = { ...lower, image: join(folder, 'gone.png') };
    const last = (await collect(host.generate({ ...quick, edit: gone }))).at(-1);
    expect(last).toMatchObject({ type: 'failed', code: 'picture-missing' });
    expect((last as { message: string }).message).not.toContain(folder);
    const box = { ...lower, box: [1, 1, 0, 0] };
    expect(() => host.check({ ...quick, edit: box })).toThrow(expect.objectContaining({ code: 'edit-box-invalid' }));
    expect((await collect(host.generate({ ...quick, edit: box }))).at(-1)).toMatchObject({ code: 'edit-box-invalid' });
  });
});

describe('a cancel', () => {
  it('ends a running generation within one step', async () => {
    const controller = new AbortController();
    const events: HostEvent[] = [];
    for await (const event of host.generate(long, { signal: controller.signal })) {
      events.push(event);
      if (event.type === 'step' && event.index === 1) controller.abort();
    }
    expect(events.at(-1)).toEqual({ type: 'canceled' });
    // The step that ran while the cancel was on its way may still be told.
    expect(events.filter(({ type }) => type === 'step').length).toBeLessThanOrEqual(4);
  });

  it('ends a generation within its only step, where that is long', async () => {
    const controller = new AbortController();
    const chain = { steps: 1, respacing: '1000' };
    const request = { ...long, model: 'sets', options: chain, preview: 'none' } as const;
    const events: HostEvent[] = [];
    for await (const event of host.generate(request, { signal: controller.signal })) {
      events.push(event);
      if (event.type === 'started') setTimeout(() => controller.abort(), 300);
    }
    expect(types(events)).toEqual(['started', 'canceled']);
  });

  it('takes a waiting generation out of the queue and leaves the order of the others', async () => {
    const controller = new AbortController();
    const ends: string[] = [];
    const watch = async (name: string, request: GenerationRequest, signal?: AbortSignal) => {
      const last = (await collect(host.generate(request, signal ? { signal } : {}))).at(-1)!;
      ends.push(`${name} ${last.type}`);
    };
    const all = [
      watch('first', slow),
      watch('second', quick, controller.signal),
      watch('third', quick),
      watch('fourth', quick),
    ];
    controller.abort();
    await Promise.all(all);
    expect(ends).toEqual(['second canceled', 'first completed', 'third completed', 'fourth completed']);
  });

  it('comes by itself when the reader stops reading', async () => {
    for await (const event of host.generate(long)) if (event.type === 'step') break;
    expect(types(await collect(host.generate(quick))).at(-1)).toBe('completed');
  });
});

describe('the models’ process', () => {
  it('may be killed: the generation fails clearly and the next one works', async () => {
    const events: HostEvent[] = [];
    const killed = host.pid!;
    const running = host.generate(long);
    const next = collect(host.generate(quick));
    for await (const event of running) {
      events.push(event);
      if (event.type === 'step' && event.index === 0) process.kill(killed, 'SIGKILL');
    }
    expect(events.at(-1)).toMatchObject({ type: 'failed', code: 'model-process-died' });
    expect(events.at(-1)).toMatchObject({ message: expect.stringContaining('SIGKILL') as string });
    expect(reports).toEqual([expect.stringMatching(/^\[host\] got .*SIGKILL.*started again.*$/)]);
    expect(types(await next).at(-1)).toBe('completed');
    expect(host.pid).not.toBe(killed);
  });

  it('may fail to start again: every try has an answer, no batch has begun, and one more start brings it back', async () => {
    vi.stubEnv('NODE_OPTIONS', '--require=/not/there.cjs');
    process.kill(host.pid!, 'SIGKILL');
    await vi.waitFor(() => expect(host.health()).toMatchObject({ status: 'dead' }), 60_000);
    const failure = { code: 'model-process-failed' };
    const tries = await Promise.all([quick, quick].map((request) => collect(host.generate(request))));
    expect(tries).toMatchObject([[{ type: 'failed', ...failure }], [{ type: 'failed', ...failure }]]);
    const run = host.runBatch([{ id: 'a', request: host.check(quick), written: [] }]);
    expect(await run.ended).toMatchObject({ begun: false, unfinished: ['a'], failure });
    await host.startAgain();
    expect(host.health()).toMatchObject({ status: 'dead', why: expect.stringContaining('exit code') as string });
    vi.unstubAllEnvs();
    await host.startAgain();
    expect(host.health()).toEqual({ status: 'ok', why: null });
    expect(types(await collect(host.generate(quick))).at(-1)).toBe('completed');
  });

  // A machine that is busy with other things delays it too, but not each time.
  it('leaves the event loop of this process alone', { retry: 3 }, async () => {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await collect(host.generate(slow));
    delay.disable();
    expect(delay.percentile(99) / 1e6).toBeLessThan(50);
  });
});

it('ends with its host: unfinished generations fail, later ones too', async () => {
  const own = await startHost({ modelFolders: [join(folder, 'slow')] });
  const pid = own.pid!;
  const running = collect(own.generate(slow));
  await own.dispose();
  expect((await running).at(-1)).toMatchObject({ type: 'failed', code: 'host-disposed' });
  expect((await collect(own.generate(slow))).at(-1)).toMatchObject({ code: 'host-disposed' });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
