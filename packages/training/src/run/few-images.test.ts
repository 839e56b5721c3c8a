import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Recipe, recipeSchema } from '../recipe/recipe.ts';
import { microMasked, microRecipe, microScales } from '../testing/micro.fixture.ts';
import { recipeFacts } from './recipe-facts.ts';
import { runRecipe } from './run-recipe.ts';

import sharp from 'sharp';

/* Every split may be empty, or smaller than a batch: what cannot work is refused before any work. */

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-few-'));
  await writeImages('one', { dot: 1 });
  await writeImages('two', { dot: 1, ring: 1 });
  await writeImages('few', { dot: 6, ring: 6 });
  await writeImages('empty', { dot: 6, ring: 0 });
  await writeImages('loose', { dot: 6, ring: 6, '.': 3 });
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

/** Images of noise, so many for each class; `.` is no class. */
async function writeImages(name: string, counts: Readonly<Record<string, number>>): Promise<void> {
  for (const [label, count] of Object.entries(counts)) {
    const path = join(folder, name, label);
    await mkdir(path, { recursive: true });
    for (let n = 0; n < count; n++) {
      const pixels = Uint8Array.from({ length: 64 }, (_, i) => (i * (7 + 5 * n) + 60 * label.length) % 256);
      const raw = { width: 8, height: 8, channels: 1 as const };
      await sharp(pixels, { raw })
        .png()
        .toFile(join(path, `${n}.png`));
    }
  }
}

interface Changes {
  readonly data: object;
  readonly judge?: object | null;
  readonly classes?: number;
  readonly batch?: number;
  readonly evaluation?: object;
  readonly perceptual?: number | object;
}

function recipeOf(base: typeof microRecipe | typeof microMasked | typeof microScales, changes: Changes): Recipe {
  const { data, judge = null, classes = 2, batch = 2, evaluation = base.evaluation, perceptual = 0 } = changes;
  const { backbone } = base.model;
  const model = { ...base.model, backbone: { ...backbone, config: { ...backbone.config, classes } } };
  const short = { steps: 2, batch, accumulate: 1, every: { log: 1, validate: 1, picture: 1, checkpoint: 0 } };
  return recipeSchema.parse(
    {
      ...base,
      model,
      data: { kind: 'folder', size: 8, channels: 1, validation: 0, test: 0, ...data },
      judge: judge && { ...judge, ...('widths' in judge && short) },
      tokenizer: { ...base.tokenizer, ...short, loss: { ...base.tokenizer.loss, perceptual } },
      generator: { ...base.generator, ...short },
      evaluation,
    },
    'few',
  );
}

async function run(recipe: Recipe, out: string) {
  const stream = new PassThrough();
  const { signal } = new AbortController();
  const result = await runRecipe({ loaded: { recipe, folder }, engine, out, stream, signal });
  return { ...result, said: String(stream.read() ?? ''), log: await readFile(join(out, 'log.jsonl'), 'utf8') };
}

describe('a training on few images', () => {
  it.each([
    ['codes, one image', recipeOf(microRecipe, { data: { path: 'one' }, classes: 1, batch: 1 })],
    ['distributions, one image', recipeOf(microMasked, { data: { path: 'one' }, classes: 1, batch: 1 })],
    ['scales, an image for each class', recipeOf(microScales, { data: { path: 'two' } })],
  ])('runs to its end without validation, and says so: %s', async (name, recipe) => {
    const { remarks } = await recipeFacts({ loaded: { recipe, folder }, engine, measure: 0 });
    expect(remarks).toEqual([expect.stringMatching(/^No images are held out for validation/)]);
    const { finished, said, log, model } = await run(recipe, join(folder, name));
    expect(finished).toBe(true);
    expect(said).toContain(`Note: ${remarks[0]}\n`);
    expect(log).toMatch(/"stage":"generator","step":1/);
    expect(log).not.toContain('validation');
    expect(existsSync(join(model!, 'model.json'))).toBe(true);
  });

  it('looks through a network that its recipe names', { tags: ['long'] }, async () => {
    const perceptual = { weight: 0.5, network: 'mnist-32' };
    const { log } = await run(recipeOf(microRecipe, { data: { path: 'two' }, perceptual }), join(folder, 'named'));
    expect(Number(/"perceptual":([\d.]+)/.exec(log)![1])).toBeGreaterThan(0);
  });

  it('is judged by as few as two test images, with a validation split smaller than a batch', async () => {
    const { widths, optimiser } = microRecipe.judge;
    const judge = { kind: 'train', widths, optimiser };
    const data = { path: 'few', validation: 0.1, test: 0.17 };
    const few = { samples: 2, neighbours: 3 };
    const recipe = recipeOf(microRecipe, { data, judge, batch: 4, evaluation: few });
    const { metrics, log, model } = await run(recipe, join(folder, 'judged'));
    expect(Object.entries(metrics).filter(([, value]) => !Number.isFinite(value))).toEqual([]);
    expect(log).toContain('validation.loss');
    const pairs = await sharp(join(model!, 'images', 'neighbours.png')).metadata();
    expect([pairs.width, pairs.height]).toEqual([3 * 18 + 2, 2 * 18 + 2]);
    expect(await readFile(join(model!, 'README.md'), 'utf8')).toContain('--label 1 ');
  });

  const trained = { ...microRecipe.judge };
  const few = { path: 'few', test: 0.2 };
  it.each([
    ['too-few-images', { data: { path: 'few' }, judge: trained }, '0 test images with a judge'],
    ['too-few-images', { data: { path: 'few', test: 0.05 }, judge: trained }, '1 test images with a judge'],
    ['recipe-misfit', { data: few, judge: trained, evaluation: { samples: 1 } }, 'evaluation.samples = 1'],
    ['images-unlabelled', { data: { path: 'loose', test: 0.2 }, judge: trained }, 'of no class with a judge'],
    ['judge-misfit', { data: few, judge: { kind: 'shipped', name: 'mnist-32' } }, '10 classes and 1 channels'],
    ['judge-unknown', { data: few, judge: { kind: 'shipped', name: 'nothing' } }, 'the judge nothing'],
    ['recipe-incomplete', { data: few, perceptual: 1 }, 'without a judge to look through'],
    ['features-unknown', { data: few, perceptual: { weight: 1, network: 'lpips-vgg' } }, 'Did you mean lpips-vgg16?'],
    ['features-image', { data: { ...few, channels: 3 }, perceptual: { weight: 1, network: 'mnist-32' } }, '3 channels'],
    ['class-empty', { data: { path: 'empty' } }, 'no training image of 1 of 2 classes (ring) among 6'],
    ['class-empty', { data: { path: 'few', limit: 1 }, batch: 1 }, 'among 1'],
    ['class-empty', { data: { path: 'two', validation: 0.5 }, batch: 1 }, 'among 1'],
    ['too-few-images', { data: { path: 'two', validation: 0.5, test: 0.5 } }, 'some left to train on'],
  ] as const)('is refused before any work, by a dry run too: %s %j', async (code, changes, words) => {
    const recipe = recipeOf(microRecipe, changes);
    const refusal = { code, message: expect.stringContaining(words) };
    await expect(recipeFacts({ loaded: { recipe, folder }, engine, measure: 0 })).rejects.toMatchObject(refusal);
    await expect(run(recipe, join(folder, 'never'))).rejects.toMatchObject(refusal);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});
