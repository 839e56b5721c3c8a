import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import type { Pixels } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSmallMar } from '../fixtures/small-mar.ts';
import type { Model, ModelRun } from './model.ts';
import { openModel } from './model-folder.ts';

let root: string;
let engine: Engine;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-sizes-'));
  engine = createEngine();
  await writeSmallMar(join(root, 'mar'));
});
afterAll(async () => {
  engine.dispose();
  await rm(root, { recursive: true });
});

const folders = {
  mar: () => join(root, 'mar'),
  var: () => fileURLToPath(new URL('../../../models/digits-var', import.meta.url)),
};

const digit = (size?: ModelRequest['size']): ModelRequest => ({
  images: imagesOfClasses([1, 0]),
  seed: 5,
  preview: 'none',
  ...(size && { size }),
});

async function imagesOf(model: Model, request: ModelRequest, run?: ModelRun): Promise<Pixels[]> {
  const images: Pixels[] = [];
  for await (const event of model.generate(request, run)) if (event.type === 'image') images.push(event.pixels);
  return images;
}

describe.each(['mar', 'var'] as const)('a model of %s for pictures of other sizes', (kind) => {
  it('makes them from the same weights, alone as together, and keeps nothing', async () => {
    const before = tf.memory().numTensors;
    const model = await openModel(folders[kind](), { engine });
    const { height, width } = model.image;
    const size = { height, width: (width * 3) / 2 };
    const weights = tf.memory().numTensors;
    const [own, wide, again] = [
      await imagesOf(model, digit()),
      await imagesOf(model, digit(size)),
      await imagesOf(model, { ...digit(size), images: imagesOfClasses([0]), seed: 6 }),
    ];
    expect(await imagesOf(model, digit({ height, width }))).toEqual(own);
    expect(wide.map((one) => [one.height, one.width])).toEqual([Object.values(size), Object.values(size)]);
    expect(again[0]).toEqual(wide[1]);
    expect(new Set(wide[0]!.data).size).toBeGreaterThan(100);
    expect(model.at(size).layout.length).toBeGreaterThan(model.layout.length);
    expect(model.at(size).imageBytes).toBeGreaterThan(model.imageBytes);
    expect(tf.memory().numTensors - weights).toBeLessThan(10);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('sizes of a model', () => {
  it('may be many, of which some are kept; edits keep their pixels; others are refused', async () => {
    const before = tf.memory().numTensors;
    const model = await openModel(folders.mar(), { engine });
    const { step, least, most } = model.sizes.bounds!;
    const widths = Array.from({ length: 5 }, (_, i) => least + i * step).filter((one) => one <= most);
    expect(widths.length).toBeGreaterThan(3);
    const one = { ...digit(), images: imagesOfClasses([1]), options: { steps: 2 } };
    for (const width of [...widths, widths[0]!]) {
      const [image] = await imagesOf(model, { ...one, size: { height: least, width } });
      expect([image!.height, image!.width]).toEqual([least, width]);
    }
    const size = { height: least, width: most };
    const { channels } = model.image;
    const data = new Float32Array(least * most * channels).fill(0.25);
    const repaint = Uint8Array.from({ length: least * most }, (_, pixel) => (pixel % most < most / 2 ? 0 : 1));
    const edit = { image: { ...size, channels, data }, repaint };
    const [edited] = await imagesOf(model, { ...one, size }, { edit });
    const kept = Array.from(edited!.data).filter((_, i) => !repaint[Math.floor(i / channels)]);
    expect(new Set(kept)).toEqual(new Set([0.25]));
    expect(() => model.generate(one, { edit })).toThrow(/got a picture of .* expected/);
    expect(() => model.check({ ...one, size: { height: least, width: most + step } })).toThrow(
      `expected a width and a height from ${least} to ${most} pixels, each a multiple of ${step}`,
    );
    expect(() => model.check({ ...one, size: { height: 1.5, width: 2 } })).toThrow('size.height');
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
