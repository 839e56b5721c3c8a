import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HeadPlugin, Written } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { diffusionHead } from '@tessera/head-diffusion';
import { imagesOfClasses, type ModelRequest } from '@tessera/request';
import { writeSmallMar } from '../fixtures/small-mar.ts';
import type { Model } from './model.ts';
import { openModel } from './model-folder.ts';

/** What the head was given at each step. */
const seen: { rows: number; guided: boolean }[] = [];

/** The diffusion head, watched. */
const watched: HeadPlugin = {
  ...(diffusionHead as HeadPlugin),
  build: (config, dims, context) => {
    const head = (diffusionHead as HeadPlugin).build(config, dims, context);
    return {
      ...head,
      sample: (hidden, request) => {
        seen.push({ rows: hidden.values_RlD.shape[0], guided: hidden.guided });
        return head.sample(hidden, request);
      },
    };
  },
};

const digits = fileURLToPath(new URL('../../../models/digits-var', import.meta.url));
let root: string;
let engine: Engine;
let model: Model;
let tensors: number;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-faster-'));
  await writeSmallMar(join(root, 'small-mar'));
  engine = createEngine();
  tensors = tf.memory().numTensors;
  model = await openModel(join(root, 'small-mar'), { engine, plugins: { heads: [watched] } });
});
afterAll(async () => {
  model.dispose();
  expect(tf.memory().numTensors).toBe(tensors);
  engine.dispose();
  await rm(root, { recursive: true });
});

const eight = { images: imagesOfClasses([0, 1, 2, 3, 3, 2, -1, 0]), seed: 100 };

/** Tokens of each step, and the images. */
async function make(request: ModelRequest) {
  const steps: Float32Array[] = [];
  const images: Float32Array[] = [];
  seen.length = 0;
  for await (const event of model.generate(request)) {
    if (event.type === 'step') steps.push(event.written.values);
    else images.push(event.pixels.data);
  }
  return { steps, images, seen: [...seen] };
}

const denoised = () => engine.profile().find(({ name }) => name === 'diffusion.denoise')?.calls ?? 0;

describe('guidance from later on', () => {
  it('changes nothing at 0', async () => {
    const request = { images: imagesOfClasses([1, 2]), seed: 7 };
    const plain = await make(request);
    expect(await make({ ...request, options: { guidanceFrom: 0 } })).toEqual(plain);
    expect(plain.seen).toEqual(Array(6).fill({ rows: 4, guided: true }));
  });

  it('leaves half of the steps undoubled at 0.5, which are those of no guidance', async () => {
    const request = { images: imagesOfClasses([1, 2]), seed: 7 };
    const late = await make({ ...request, options: { guidanceFrom: 0.5 } });
    expect(late.seen).toEqual([
      ...Array<object>(3).fill({ rows: 2, guided: false }),
      ...Array<object>(3).fill({ rows: 4, guided: true }),
    ]);
    const none = await make({ ...request, guidance: 1 });
    expect(late.steps.slice(0, 3)).toEqual(none.steps.slice(0, 3));
    expect(late.images).not.toEqual(none.images);
    expect(late.images).not.toEqual((await make(request)).images);
  });

  it('is offered to no model that remembers', async () => {
    const remembers = await openModel(digits, { engine });
    expect(Object.keys(remembers.options.properties!)).not.toContain('guidanceFrom');
    const refused = () => remembers.generate({ ...eight, options: { guidanceFrom: 0.5 } });
    expect(refused).toThrow(expect.objectContaining({ code: 'option-unknown' }));
    remembers.dispose();
  });
});

describe('guidance until a step', () => {
  it('leaves the later half of the steps undoubled at 0.5', async () => {
    const request = { images: imagesOfClasses([1, 2]), seed: 7 };
    const early = await make({ ...request, options: { guidanceUntil: 0.5 } });
    expect(early.seen.map(({ rows }) => rows)).toEqual([4, 4, 4, 2, 2, 2]);
    expect(early.steps.slice(0, 3)).toEqual((await make(request)).steps.slice(0, 3));
    expect((await make({ ...request, options: { guidanceUntil: 0 } })).images).toEqual(
      (await make({ ...request, guidance: 1 })).images,
    );
  });

  it('is the same for a model with a cache: alone, among others, and replayed', async () => {
    const cached = await openModel(digits, { engine });
    const made = async (request: ModelRequest, written: readonly Written[] = []) => {
      const [steps, images]: [Written[], Float32Array[]] = [[], []];
      for await (const event of cached.generate(request, { written })) {
        if (event.type === 'step') steps.push(event.written);
        else images.push(event.pixels.data);
      }
      return { steps, images };
    };
    const request = { ...eight, guidance: 3, options: { guidanceUntil: 0.6 } };
    const all = await made(request);
    const guided = await made({ ...eight, guidance: 3 });
    const early = Math.ceil(0.6 * all.steps.length);
    expect(all.steps.slice(0, early)).toEqual(guided.steps.slice(0, early));
    expect(all.images).not.toEqual(guided.images);
    expect(await made(request, all.steps.slice(0, early + 1))).toEqual(all);
    const alone = { images: imagesOfClasses([3]), seed: eight.seed + 3, guidance: 3, options: request.options };
    expect((await made(alone)).images[0]).toEqual(all.images[3]);
    cached.dispose();
  });
});

describe('late steps', () => {
  it('change nothing at 0, and spare calls of the denoiser elsewhere', async () => {
    const request = { images: imagesOfClasses([1, 2]), seed: 7 };
    const calls: number[] = [];
    const images: Float32Array[][] = [];
    for (const options of [{}, { lateSteps: 0 }, { lateSteps: 3 }]) {
      const before = denoised();
      images.push((await make({ ...request, options })).images);
      calls.push(denoised() - before);
    }
    expect(images[1]).toEqual(images[0]);
    expect(images[2]).not.toEqual(images[0]);
    // Six steps of eight; then 8, 7, 6, 5, 4 and 3.
    expect(calls).toEqual([48, 48, 33]);
  });

  it('are bounded by the chain of the request', () => {
    const refused = (options: Record<string, unknown>) => () => model.generate({ ...eight, options });
    expect(refused({ lateSteps: 9 })).toThrow('got lateSteps = 9; expected 2 to 8');
    expect(refused({ lateSteps: 4, respacing: '3,0' })).toThrow('expected 2 to 3');
  });
});

describe.each([{ guidanceFrom: 0.5 }, { lateSteps: 3 }, { guidanceFrom: 0.3, lateSteps: 2 }])('with %o', (options) => {
  it('an image is the same alone as among eight', async () => {
    const { images } = await make({ ...eight, options });
    for (const [index, label] of [0, 1, 2, 3, 3, 2, -1, 0].entries()) {
      const alone = await make({ images: imagesOfClasses([label]), seed: eight.seed + index, options });
      expect(alone.images[0], `image ${index}`).toEqual(images[index]);
    }
  });
});
