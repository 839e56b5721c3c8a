import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import * as tf from '@tensorflow/tfjs';
import type { HeadPlugin, TokenizerPlugin } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { categoricalHead } from '@tessera/head-categorical';
import { diffusionHead } from '@tessera/head-diffusion';
import type { Plugins } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecipe, type Recipe, recipeSchema } from '../recipe/recipe.ts';
import { microMasked, microRecipe } from '../testing/micro.fixture.ts';
import { pixelTokenizer } from '../testing/pixel-tokenizer.fixture.ts';
import { recipeFacts } from './recipe-facts.ts';
import { partsOf, tryBuilding } from './recipe-parts.ts';
import { withStart } from './start-model.ts';
import { runRecipe } from './run-recipe.ts';

import sharp from 'sharp';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-fit-'));
  for (const name of ['dark', 'light']) {
    await mkdir(join(folder, 'images', name), { recursive: true });
    const background = name === 'dark' ? '#333' : '#ccc';
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background } }).png();
    for (let n = 0; n < 12; n++) await image.clone().toFile(join(folder, 'images', name, `${n}.png`));
  }
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

interface Changes {
  readonly data?: object;
  readonly backbone?: object;
  readonly tokenizer?: object;
}

/** A recipe of seconds without a judge, whose tokenizer has a stage or none. */
function recipeOf(base: typeof microRecipe | typeof microMasked, stage: object | null, changes: Changes = {}): Recipe {
  const { tokenizer, backbone } = base.model;
  const data = { kind: 'folder', path: 'images', size: 8, channels: 1, ...changes.data };
  const model = {
    ...base.model,
    tokenizer: { ...tokenizer, ...changes.tokenizer },
    backbone: { ...backbone, config: { ...backbone.config, ...changes.backbone } },
  };
  return recipeSchema.parse({ ...base, data, judge: null, model, tokenizer: stage }, 'micro');
}

const asked = (recipe: Recipe, plugins: Partial<Plugins>) => ({ loaded: { recipe, folder }, engine, plugins });
const run = (recipe: Recipe, plugins: Partial<Plugins>, out: string) =>
  runRecipe({ ...asked(recipe, plugins), out, stream: new PassThrough(), signal: new AbortController().signal });

describe('parts on their data', () => {
  const { tokenizer: stage } = microRecipe;
  const learnt = { ...vqTokenizer, name: '@acme/learnt' } as TokenizerPlugin;
  const foreign = recipeOf(microRecipe, null, { tokenizer: { plugin: learnt.name } });

  it.each([
    ['too many classes', recipeOf(microRecipe, stage, { backbone: { classes: 3 } }), 'a backbone of 3 classes'],
    [
      'too few classes',
      recipeOf(microRecipe, stage, { backbone: { classes: 1 } }),
      'model.backbone.config.classes to 2',
    ],
    ['images of another size', recipeOf(microRecipe, stage, { data: { size: 12 } }), 'data.size = 12); expected 8 x 8'],
    ['a tokenizer of ours without a stage', recipeOf(microRecipe, null), 'Add the section tokenizer'],
    ['a learnt tokenizer of others without a stage', foreign, 'Add the section tokenizer'],
  ])('are refused before any work: %s', async (_, recipe, words) => {
    const plugins = { tokenizers: [learnt] };
    const before = tf.memory().numTensors;
    const refusal = { code: expect.stringMatching(/^recipe-/), message: expect.stringContaining(words) };
    await expect(recipeFacts({ ...asked(recipe, plugins), measure: 0 })).rejects.toMatchObject(refusal);
    await expect(run(recipe, plugins, join(folder, 'never'))).rejects.toMatchObject(refusal);
    expect(existsSync(join(folder, 'never'))).toBe(false);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('need no stage for a tokenizer without parameters', async () => {
    const changes = { data: { size: 2 }, tokenizer: { plugin: pixelTokenizer.name, config: {} } };
    const recipe = recipeOf(microMasked, null, changes);
    const plugins = { tokenizers: [pixelTokenizer as TokenizerPlugin] };
    const facts = await recipeFacts({ ...asked(recipe, plugins), measure: 0 });
    expect(facts.stages.map(({ name }) => name)).toEqual(['generator']);
    const before = tf.memory().numTensors;
    const { finished, model } = await run(recipe, plugins, join(folder, 'pixels'));
    expect([finished, tf.memory().numTensors]).toEqual([true, before]);
    const manifest = JSON.parse(await readFile(join(model!, 'model.json'), 'utf8'));
    expect(manifest.tokenizer.plugin).toBe('pixels');
    expect(existsSync(join(folder, 'pixels', 'pictures', 'generator-000008.png'))).toBe(true);
  });

  it('are named where their loss is no number', async () => {
    const own = diffusionHead as HeadPlugin;
    const bad: HeadPlugin = {
      ...own,
      name: '@acme/bad',
      build: (...given) => {
        const head = own.build(...given);
        return { ...head, loss: (...args) => tf.mul(head.loss(...args), NaN) };
      },
    };
    const changes = { data: { size: 2 }, tokenizer: { plugin: pixelTokenizer.name, config: {} } };
    const recipe = recipeOf(microMasked, null, changes);
    const model = { ...recipe.model!, head: { ...recipe.model!.head, plugin: bad.name } };
    const plugins = { tokenizers: [pixelTokenizer as TokenizerPlugin], heads: [bad] };
    await expect(run({ ...recipe, model }, plugins, join(folder, 'bad'))).rejects.toMatchObject({
      code: 'loss-not-finite',
      message: expect.stringContaining('[generator] got a loss of NaN with the head @acme/bad; expected'),
    });
  });

  it('say of a tokenizer that no stage trains what to do instead', async () => {
    const recipe = recipeOf(microRecipe, stage, { tokenizer: { plugin: learnt.name } });
    const message = expect.stringContaining('Leave the section tokenizer out if it has no parameters');
    const facts = recipeFacts({ ...asked(recipe, { tokenizers: [learnt] }), measure: 0 });
    await expect(facts).rejects.toMatchObject({ code: 'recipe-tokenizer', message });
  });
});

function attempt(head: HeadPlugin): () => void {
  const model = { ...microRecipe.model, head: { plugin: head.name, config: {} } };
  const parts = partsOf(recipeSchema.parse({ ...microRecipe, model }, 'micro'), { heads: [head] });
  return () => tryBuilding(engine, parts);
}

describe('parts that a recipe is to train', () => {
  it.each([
    [
      'part-failed',
      'kaboom',
      {
        build: () => {
          throw new Error('kaboom');
        },
      },
    ],
    ['part-shape', 'without sample', { build: () => ({ loss: () => null, dispose: () => undefined }) }],
  ] as const)('are tried before any training: %s names the plug-in', (code, words, change) => {
    const before = tf.memory().numTensors;
    const refused = attempt({ ...categoricalHead, name: '@acme/boom', ...change } as unknown as HeadPlugin);
    expect(refused).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
    expect(refused).toThrow('[@acme/boom]');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('are disposed if all can be built', () => {
    const before = tf.memory().numTensors;
    attempt(categoricalHead as HeadPlugin)();
    expect(tf.memory().numTensors).toBe(before);
  });
});

const recipes = resolve(import.meta.dirname, '../../../../recipes');
const files = (await readdir(recipes, { recursive: true })).filter((file) => file.endsWith('.json')).sort();

it.each(files)('the recipe %s names parts that agree, or a judge alone', async (file) => {
  const { recipe } = (await withStart(await readRecipe(join(recipes, file)), { classes: ['one'] })).loaded;
  if (recipe.model) expect(partsOf(recipe).facts.space.kind).toMatch(/^(discrete|continuous)$/);
  else expect(recipe.judge).not.toBeNull();
});
