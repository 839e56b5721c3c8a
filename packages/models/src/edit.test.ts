import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pixels } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { smallMar, writeSmallMar } from '../fixtures/small-mar.ts';
import { keepGrid } from './edit.ts';
import type { Model, ModelRun } from './model.ts';
import type { ModelManifest } from './manifest.ts';
import { openModel } from './model-folder.ts';

const shipped = (name: string) => fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));

let root: string;
let engine: Engine;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-edit-'));
  engine = createEngine();
  await writeSmallMar(join(root, 'small'));
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

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

async function imagesOf(
  model: Model,
  { edit, written, ...request }: ModelRequest & ModelRun,
): Promise<readonly Pixels[]> {
  const images: Pixels[] = [];
  for await (const event of model.generate(
    { preview: 'none', ...request },
    { ...(edit && { edit }), ...(written && { written }) },
  )) {
    if (event.type === 'image') images.push(event.pixels);
  }
  return images;
}

/** A picture of the model's own, as if read from a file of bytes. */
async function pictureOf(model: Model, label: number): Promise<Pixels> {
  const [image] = await imagesOf(model, { images: imagesOfClasses([label]), seed: 1 });
  const byte = (value: number) => Math.round(Math.min(1, Math.max(0, value)) * 255) / 255;
  return { ...image!, data: image!.data.map(byte) };
}

/** 1 in the lower part, from this row on. */
function below({ height, width }: Pick<Pixels, 'height' | 'width'>, row: number): Uint8Array {
  return new Uint8Array(height * width).fill(1, row * width);
}

const upper = ({ data, width, channels }: Pixels, row: number) => data.subarray(0, row * width * channels);
const lower = ({ data, width, channels }: Pixels, row: number) => data.subarray(row * width * channels);

describe.each(['digits-var', 'digits-mar', 'digits-var-diffusion', 'digits-mar-categorical'])(
  'editing with %s',
  (name) => {
    it('keeps the given pixels exactly, and makes the others of the class and of what is kept', async () => {
      await withModel(shipped(name), async (model) => {
        const image = await pictureOf(model, 7);
        const edit = { image, repaint: below(image, 16) };
        const request = { images: imagesOfClasses([3, 3, -1]), seed: 20 };
        const edited = await imagesOf(model, { ...request, edit });
        const plain = await imagesOf(model, request);
        for (const [row, one] of edited.entries()) {
          expect(upper(one, 16)).toEqual(upper(image, 16));
          expect(lower(one, 16)).not.toEqual(lower(image, 16));
          expect(lower(one, 16)).not.toEqual(lower(plain[row]!, 16));
        }
        const other = await imagesOf(model, { images: imagesOfClasses([0]), seed: 20, edit });
        expect(lower(other[0]!, 16)).not.toEqual(lower(edited[0]!, 16));
      });
    });

    it('makes an image alone as among others', async () => {
      await withModel(shipped(name), async (model) => {
        const image = await pictureOf(model, 4);
        const edit = { image, repaint: below(image, 11) };
        const labels = [9, -1, 9, 4];
        const all = await imagesOf(model, { images: imagesOfClasses(labels), seed: 5, edit });
        for (const [row, label] of labels.entries()) {
          expect(await imagesOf(model, { images: imagesOfClasses([label]), seed: 5 + row, edit })).toEqual([all[row]]);
        }
        expect(all[0]).not.toEqual(all[2]);
      });
    });

    it('makes what it makes without a picture where all of it is to be redrawn', async () => {
      await withModel(shipped(name), async (model) => {
        const image = await pictureOf(model, 4);
        const request = { images: imagesOfClasses([2]), seed: 8 };
        const edit = { image, repaint: below(image, 0) };
        expect(await imagesOf(model, { ...request, edit })).toEqual(await imagesOf(model, request));
      });
    });

    it('continues from written steps, and releases everything when it is stopped', async () => {
      await withModel(shipped(name), async (model) => {
        const image = await pictureOf(model, 7);
        const request = { images: imagesOfClasses([1]), seed: 3, preview: 'none' } as const;
        const edit = { image, repaint: below(image, 20) };
        const whole = await imagesOf(model, { ...request, edit });
        for await (const event of model.generate(request, { edit })) {
          if (event.type !== 'step') continue;
          expect(await imagesOf(model, { ...request, edit, written: [event.written] })).toEqual(whole);
          break;
        }
      });
    });
  },
);

describe.each(['raster', 'random', 'random-sets'])('editing in the order %s', (plugin) => {
  it('keeps the given pixels', async () => {
    const file = join(root, 'small', 'model.json');
    const written = JSON.parse(await readFile(file, 'utf8')) as ModelManifest;
    const { guidance } = smallMar.defaults;
    const defaults = { guidance, options: { respacing: '4,0' }, preview: 'none' };
    await writeFile(file, JSON.stringify({ ...written, order: { plugin, config: {} }, defaults }));
    await withModel(join(root, 'small'), async (model) => {
      const image = { ...model.image, data: new Float32Array(16 * 16 * 3).fill(0.25) };
      const edit = { image, repaint: below(image, 10) };
      const [edited] = await imagesOf(model, { images: imagesOfClasses([1]), seed: 3, edit });
      expect(upper(edited!, 10)).toEqual(upper(image, 10));
      expect(lower(edited!, 10)).not.toEqual(lower(image, 10));
    });
  });

  it('tells at the first step which tokens are given, and draws all others', async () => {
    await withModel(join(root, 'small'), async (model) => {
      const image = { ...model.image, data: new Float32Array(16 * 16 * 3).fill(0.25) };
      const edit = { image, repaint: below(image, 10) };
      const [drawn, told]: [number[], (readonly number[] | undefined)[]] = [[], []];
      for await (const event of model.generate({ images: imagesOfClasses([1]), seed: 3 }, { edit })) {
        if (event.type !== 'step') continue;
        drawn.push(...event.step.positions_Bl);
        told.push(event.given);
      }
      expect(told.slice(1).every((one) => one === undefined)).toBe(true);
      expect(told[0]!.length).toBeGreaterThan(0);
      const all = Array.from({ length: model.layout.length }, (_, position) => position);
      // Some orders go through the given ones, too: those stay.
      expect([...new Set([...told[0]!, ...drawn])].sort((one, other) => one - other)).toEqual(all);
    });
  });
});

it('refuses what cannot be edited, at once', async () => {
  await withModel(shipped('digits-var'), async (model) => {
    const image = { ...model.image, data: new Float32Array(1024) };
    const repaint = below(image, 1);
    const wrong = [
      ['edit-image-size', { image: { ...image, height: 16 }, repaint }],
      ['edit-image-size', { image: { ...image, channels: 3 }, repaint }],
      ['edit-image-size', { image: { ...image, data: new Float32Array(1023) }, repaint }],
      ['edit-image-values', { image: { ...image, data: new Float32Array(1024).fill(255) }, repaint }],
      ['edit-image-values', { image: { ...image, data: new Float32Array(1024).fill(NaN) }, repaint }],
      ['edit-mask-size', { image, repaint: new Uint8Array(64).fill(1) }],
      ['edit-repaints-nothing', { image, repaint: below(image, 32) }],
    ] as const;
    for (const [code, edit] of wrong) {
      const ask = () => model.generate({ images: imagesOfClasses([1]), seed: 0 }, { edit });
      expect(ask).toThrow(expect.objectContaining({ code }));
      expect(ask).toThrow(/^\[digits-var\] got .+; expected .+\. .+\.$/);
    }
  });
});

const layout = (height: number, width: number) => ({
  length: 1 + height * width,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height, width },
  ],
});

/** Kept tokens of a picture of which these pixels are redrawn. */
function kept(pixels: readonly number[], size: { height: number; width: number }, grid: [number, number]): number[] {
  const repaint = new Uint8Array(size.height * size.width);
  for (const pixel of pixels) repaint[pixel] = 255;
  return [...keepGrid(repaint, size, layout(...grid))];
}

describe('a mask of pixels on the map of tokens', () => {
  const size = { height: 4, width: 6 };

  it('keeps a token only if every pixel under it stays', () => {
    expect(kept([], size, [2, 3])).toEqual([1, 1, 1, 1, 1, 1]);
    expect(kept([0], size, [2, 3])).toEqual([0, 1, 1, 1, 1, 1]);
    expect(kept([7, 23], size, [2, 3])).toEqual([0, 1, 1, 1, 1, 0]);
    expect(kept([...Array(24).keys()], size, [2, 3])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('frees both tokens where the border between them cuts through a pixel', () => {
    expect(kept([1], { height: 1, width: 4 }, [1, 3])).toEqual([0, 0, 1]);
    expect(kept([0], { height: 1, width: 2 }, [1, 4])).toEqual([0, 0, 1, 1]);
  });
});
