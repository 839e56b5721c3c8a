import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import type { Written } from '@tessera/core';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportModel } from './formats/export-model.ts';
import { inspectModel, openModel } from './model-folder.ts';
import type { Model } from './model.ts';
import { quantizeModel } from './quantize-model.ts';

const int8 = createEngine({ target: 'onnx', threads: 1, precision: 'int8' });
const float32 = createEngine({ target: 'onnx', threads: 1, precision: 'float32' });
const unsaid = createEngine({ target: 'onnx', threads: 1 });
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-precision-'));
});
afterAll(async () => {
  [int8, float32, unsaid].forEach((engine) => engine.dispose());
  await rm(root, { recursive: true });
});

const folderOf = (name: string): string => fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));

/** What is decoded from tokens that are given. */
async function imagesFrom(model: Model, request: ModelRequest, written: readonly Written[]): Promise<Float32Array[]> {
  const images: Float32Array[] = [];
  for await (const event of model.generate(request, { written })) {
    if (event.type === 'image') images[event.row] = Float32Array.from(event.pixels.data);
  }
  return images;
}

/** Decibels between pixels from 0 to 1. */
function psnr(wanted: Float32Array, found: Float32Array): number {
  const squares = wanted.reduce((sum, pixel, i) => sum + (pixel - found[i]!) ** 2, 0);
  return -10 * Math.log10(squares / wanted.length);
}

/** The pixels of the images of these labels, the first with this seed. */
async function imagesOf(model: Model, labels: readonly number[], seed: number): Promise<readonly Float32Array[]> {
  const images: Float32Array[] = [];
  for await (const event of model.generate({ images: imagesOfClasses([...labels]), seed, preview: 'none' })) {
    if (event.type === 'image') images[event.row] = Float32Array.from(event.pixels.data);
  }
  return images;
}

describe('a model in 8 bits', () => {
  it.each(['digits-var', 'digits-mar'])('%s gives a seed the same bytes in batches of 1, 3 and 8', async (name) => {
    const model = await openModel(folderOf(name), { engine: int8 });
    const labels = [0, 1, 2, 3, 4, 5, 6, 7];
    const together = await imagesOf(model, labels, 10);
    expect(await imagesOf(model, labels.slice(2, 5), 12)).toEqual(together.slice(2, 5));
    expect(await imagesOf(model, labels.slice(7), 17)).toEqual(together.slice(7));
    model.dispose();
  });

  it('decodes the same tokens to nearly the same pixels', async () => {
    const request = { images: imagesOfClasses([2, 3]), seed: 1, preview: 'none' } as const;
    const [exact, reduced] = [
      await openModel(folderOf('avatars-var'), { engine: float32 }),
      await openModel(folderOf('avatars-var'), { engine: int8 }),
    ];
    const written: Written[] = [];
    for await (const event of exact.generate(request)) if (event.type === 'step') written.push(event.written);
    const wanted = await imagesFrom(exact, request, written);
    const found = await imagesFrom(reduced, request, written);
    const decibels = wanted.map((pixels, row) => psnr(pixels, found[row]!));
    expect(Math.min(...decibels)).toBeGreaterThan(38);
    expect(Math.max(...decibels)).toBeLessThan(80);
    reduced.dispose();
    exact.dispose();
  });

  it('is stored in a folder that makes the same images, in 8 bits alone', async () => {
    const out = join(root, 'digits-var-int8');
    const model = await openModel(folderOf('digits-var'), { engine: int8 });
    const wanted = await imagesOf(model, [3, 4], 1);
    model.dispose();
    const before = tf.memory().numTensors;
    const { before: large, after: small } = await quantizeModel(folderOf('digits-var'), out, { engine: int8 });
    expect(small).toBeLessThan(0.7 * large);
    const stored = await openModel(out, { engine: unsaid });
    expect(stored.precision).toBe('int8');
    expect(stored.manifest.metrics).toBeUndefined();
    expect(await imagesOf(stored, [3, 4], 1)).toEqual(wanted);
    stored.dispose();
    (await inspectModel(out, { engine: unsaid })).dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(openModel(out, { engine: float32 })).rejects.toThrow(/stored in 8 bits/);
    await expect(quantizeModel(out, join(root, 'again'), { engine: int8 })).rejects.toThrow(/stored in 8 bits/);
    await expect(quantizeModel(folderOf('digits-var'), out, { engine: int8 })).rejects.toThrow(/holds a model/);
    await expect(exportModel(out, join(root, 'export'))).rejects.toThrow(/in 8 bits/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is refused where codes are without their scales', async () => {
    const out = join(root, 'damaged');
    await quantizeModel(folderOf('digits-var'), out, { engine: int8 });
    const path = join(out, 'head.safetensors');
    const bytes = (await readFile(path)).toString('latin1').replace(':scale_O', ':scale_X');
    await writeFile(path, bytes, 'latin1');
    await expect(inspectModel(out, { engine: unsaid })).rejects.toThrow(/scale_O missing/);
    await writeFile(path, bytes.replace(':scale_X', ':scale_O').replace('"I8"', '"U8"'), 'latin1');
    await expect(inspectModel(out, { engine: unsaid })).rejects.toThrow(/codes_IO of uint8 instead of int8/);
  });

  it('is another than in float32, and releases what it made', async () => {
    const before = tf.memory().numTensors;
    const [reduced, exact] = [
      await openModel(folderOf('digits-var'), { engine: int8 }),
      await openModel(folderOf('digits-var'), { engine: float32 }),
    ];
    expect([reduced.precision, exact.precision]).toEqual(['int8', 'float32']);
    const [found, wanted] = [await imagesOf(reduced, [3, 4], 1), await imagesOf(exact, [3, 4], 1)];
    expect(found).not.toEqual(wanted);
    reduced.dispose();
    expect(await imagesOf(exact, [3, 4], 1)).toEqual(wanted);
    exact.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
