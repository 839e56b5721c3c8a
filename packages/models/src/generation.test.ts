import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Written } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import type { Job } from '../fixtures/continue-generation.ts';
import { writeSmallMar } from '../fixtures/small-mar.ts';
import type { Model, ModelRun } from './model.ts';
import { openModel } from './model-folder.ts';

const script = fileURLToPath(new URL('../fixtures/continue-generation.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let root: string;
let engine: Engine;
const folders = { mar: '', var: fileURLToPath(new URL('../../../models/digits-var', import.meta.url)) };
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-generation-'));
  engine = createEngine();
  folders.mar = join(root, 'small-mar');
  await writeSmallMar(folders.mar);
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

interface Run {
  readonly written: readonly Written[];
  readonly images: readonly Uint8Array[];
}

async function run(model: Model, request: ModelRequest, options?: ModelRun): Promise<Run> {
  const written: Written[] = [];
  const images: Uint8Array[] = [];
  for await (const event of model.generate({ preview: 'none', ...request }, options)) {
    if (event.type === 'step') written.push(event.written);
    else images.push(new Uint8Array(event.pixels.data.slice().buffer));
  }
  return { written, images };
}

async function withModel<T>(folder: string, use: (model: Model) => Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const model = await openModel(folder, { engine });
  try {
    return await use(model);
  } finally {
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }
}

/** The images' bytes, one after the other, of a process that knows no more than the job's file. */
async function continued(folder: string, request: ModelRequest, written: readonly Written[]): Promise<Buffer> {
  const plain = written.map(({ values, index }) => ({ values: [...values], ...(index && { index: [...index] }) }));
  const job: Job = { folder, request, written: plain, out: join(root, 'images.bin') };
  await writeFile(join(root, 'job.json'), JSON.stringify(job));
  const flags = ['--conditions=@tessera/source', '--import', tsx, script, join(root, 'job.json')];
  const { status, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return readFile(job.out);
}

const families = ['mar', 'var'] as const;

describe('generation', () => {
  it.each(families)('%s: goes on in another process, byte for byte', async (family) => {
    const request = { images: imagesOfClasses([1, 3]), seed: 40 };
    const { written, images } = await withModel(folders[family], (model) => run(model, request));
    expect(images[0]).not.toEqual(images[1]);
    const half = written.slice(0, Math.ceil(written.length / 2));
    expect(half.length).toBeLessThan(written.length);
    expect((await continued(folders[family], request, half)).equals(Buffer.concat(images))).toBe(true);
  });

  it.each(families)('%s: replays whatever was written, even everything', async (family) => {
    await withModel(folders[family], async (model) => {
      const request = { images: imagesOfClasses([2]), seed: 9 };
      const whole = await run(model, request);
      for (const count of [1, whole.written.length]) {
        const again = await run(model, request, { written: whole.written.slice(0, count) });
        expect(again).toEqual(whole);
      }
    });
  });

  it.each(families)('%s: an image is the same alone as among eight', async (family) => {
    await withModel(folders[family], async (model) => {
      const labels = [0, 1, 2, 3, 3, 2, -1, 0];
      const { images } = await run(model, { images: imagesOfClasses(labels), seed: 100 });
      for (const [index, label] of labels.entries()) {
        const alone = await run(model, { images: imagesOfClasses([label]), seed: 100 + index });
        expect(Buffer.from(alone.images[0]!).equals(images[index]!), `image ${index}`).toBe(true);
      }
    });
  });

  it('takes what another request wrote for a misfit', async () => {
    await withModel(folders.mar, async (model) => {
      const { written } = await run(model, { images: imagesOfClasses([0]), seed: 1 });
      const rows = run(model, { images: imagesOfClasses([0, 1]), seed: 1 }, { written });
      await expect(rows).rejects.toMatchObject({ code: 'written-misfit' });
      const steps = run(model, { images: imagesOfClasses([0]), seed: 1, options: { steps: 5 } }, { written });
      await expect(steps).rejects.toMatchObject({ code: 'written-misfit' });
    });
  });
});
