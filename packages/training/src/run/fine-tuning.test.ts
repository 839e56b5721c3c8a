import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import * as tf from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { jsonLog } from '../report/training-log.ts';
import { microMasked, microRecipe } from '../testing/micro.fixture.ts';
import { mergeAdapter } from './adapter-file.ts';
import { recipeFacts } from './recipe-facts.ts';
import { runRecipe } from './run-recipe.ts';
import { readWeightFile } from './weight-files.ts';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = createEngine({ target: 'onnx', threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-tuning-'));
  await writePictures('two', ['bars', 'rows']);
  await writePictures('three', ['bars', 'dots', 'rows']);
  for (const [name, micro] of Object.entries(micros)) {
    const tokenizer = { ...micro.tokenizer, steps: 2, accumulate: 1, every: { validate: 0, picture: 0 } };
    const generator = { ...micro.generator, steps: 2, every: { validate: 0, picture: 0 } };
    await train(name, { ...micro, tokenizer, generator, judge: null, data: dataOf('two') });
  }
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

const micros = { var: microRecipe, mar: microMasked };
type Kind = keyof typeof micros;

const dataOf = (path: string) => ({ kind: 'folder', path, size: 8, channels: 1, validation: 0.2, test: 0 });

async function writePictures(set: string, classes: readonly string[]): Promise<void> {
  for (const [label, name] of classes.entries()) {
    await mkdir(join(folder, set, name), { recursive: true });
    for (let n = 0; n < 10; n++) {
      const pixels = Uint8Array.from({ length: 64 }, (_, i) => (i * (label + 1) + n) % 200);
      const raw = { width: 8, height: 8, channels: 1 as const };
      await sharp(pixels, { raw })
        .png()
        .toFile(join(folder, set, name, `${n}.png`));
    }
  }
}

const outOf = (name: string) => join(folder, 'out', name);
const modelOf = (name: string) => join(outOf(name), 'model');

/** Runs a recipe; with `stopAt`, until a line of progress begins with it. */
async function train(name: string, json: object, stopAt?: string) {
  const abort = new AbortController();
  const stream = new PassThrough();
  let said = '';
  stream.on('data', (text) => {
    said += String(text);
    if (stopAt && String(text).startsWith(stopAt)) abort.abort();
  });
  const loaded = { recipe: recipeSchema.parse(json, name), folder };
  return { ...(await runRecipe({ loaded, engine, out: outOf(name), stream, signal: abort.signal })), said };
}

function tuning(kind: Kind, changes: { readonly rate?: number; readonly adapter?: object } = {}) {
  const { format, version, seed, generator } = micros[kind];
  const { rate = 0.003, adapter = null } = changes;
  const learningRate = { ...generator.optimiser.learningRate, peak: rate };
  return {
    ...{ format, version, seed, name: 'tuned', title: 'Tuned', adapter },
    data: dataOf('three'),
    start: modelOf(kind),
    generator: { ...generator, optimiser: { ...generator.optimiser, learningRate, ema: 0 } },
  };
}

/** The numbers of a component by name. Zeros lose their sign, which a step of length zero may change. */
async function numbersOf(name: string, component: string): Promise<Map<string, Float32Array>> {
  const tensors = await readWeightFile(join(modelOf(name), `${component}.safetensors`));
  const numbers = async (tensor: (typeof tensors)[number]) => (await tensor.values()).map((value) => value + 0);
  return new Map(await Promise.all(tensors.map(async (tensor) => [tensor.name, await numbers(tensor)] as const)));
}

const lossesOf = async (name: string) => (await jsonLog(join(outOf(name), 'log.jsonl')).read()).map(({ loss }) => loss);
const bytesOf = (name: string, component: string) => readFile(join(modelOf(name), `${component}.safetensors`));

/** The table of classes of each backbone. */
const TABLE = 'class_emb.weight';

describe.each(['var', 'mar'] as const)('fine-tuning of %s', (kind) => {
  it('starts from the model, with rows for new classes and the rows of old ones', async () => {
    const name = `${kind}-still`;
    const before = tf.memory().numTensors;
    expect((await train(name, tuning(kind, { rate: 0 }))).finished).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
    const manifest = JSON.parse(await readFile(join(modelOf(name), 'model.json'), 'utf8'));
    const base = JSON.parse(await readFile(join(modelOf(kind), 'model.json'), 'utf8'));
    expect([manifest.classes, manifest.backbone.config.classes]).toEqual([['bars', 'dots', 'rows'], 3]);
    expect(manifest.tokenizer.config).toEqual(base.tokenizer.config);
    expect((await bytesOf(name, 'tokenizer')).equals(await bytesOf(kind, 'tokenizer'))).toBe(true);
    expect(await numbersOf(name, 'head')).toEqual(await numbersOf(kind, 'head'));
    const [own, theirs] = [await numbersOf(name, 'backbone'), await numbersOf(kind, 'backbone')];
    const rows = (values: Float32Array) => (row: number) => [...values.subarray(row * 16, (row + 1) * 16)];
    const [now, then] = [rows(own.get(TABLE)!), rows(theirs.get(TABLE)!)];
    expect([now(0), now(2)]).toEqual([then(0), then(1)]);
    expect(now(1)).not.toEqual(then(1));
    if (kind === 'var') expect(now(3)).toEqual(then(2)); // the null class
    own.delete(TABLE);
    theirs.delete(TABLE);
    expect(own).toEqual(theirs);
  });
});

describe('an adapter', () => {
  it('trains an adapter whose matrices start at the model itself', async () => {
    const [kind, name] = ['var', 'var-adapter-still'] as const;
    await train(name, tuning(kind, { rate: 0, adapter: { rank: 2 } }));
    expect(await lossesOf(name)).toEqual(await lossesOf(`${kind}-still`));
    for (const component of ['backbone', 'head']) {
      expect(await numbersOf(name, component)).toEqual(await numbersOf(`${kind}-still`, component));
    }
  });

  it(
    'keeps an adapter apart, which gives the trained model when it is merged, and resumes',
    { tags: ['long'] },
    async () => {
      const [kind, name, stopped] = ['var', 'var-adapter', 'var-adapter-stopped'] as const;
      const recipe = tuning(kind, { rate: 0.01, adapter: { rank: 2, alpha: 4 } });
      await train(name, recipe);
      expect((await lossesOf(name)).at(-1)).not.toBe((await lossesOf(`${kind}-adapter-still`)).at(-1));
      expect((await bytesOf(name, 'head')).equals(await bytesOf(kind, 'head'))).toBe(true);
      expect((await bytesOf(name, 'backbone')).equals(await bytesOf(`${kind}-still`, 'backbone'))).toBe(false);
      const file = join(outOf(name), 'adapter.safetensors');
      expect(await mergeAdapter(modelOf(kind), file, modelOf(`${kind}-merged`))).toMatchObject({
        name: 'tuned',
        classes: ['bars', 'dots', 'rows'],
      });
      for (const component of ['tokenizer', 'backbone', 'head']) {
        expect((await bytesOf(`${kind}-merged`, component)).equals(await bytesOf(name, component))).toBe(true);
      }
      await expect(mergeAdapter(modelOf('mar'), file, outOf('never'))).rejects.toMatchObject({
        code: 'adapter-misfit',
      });

      expect((await train(stopped, recipe, 'generator')).finished).toBe(false);
      expect((await lossesOf(stopped)).length).toBeLessThan(8);
      expect((await train(stopped, recipe)).finished).toBe(true);
      expect(await lossesOf(stopped)).toEqual(await lossesOf(name));
      expect((await bytesOf(stopped, 'backbone')).equals(await bytesOf(name, 'backbone'))).toBe(true);
    },
  );
});

describe('another condition', () => {
  it('is new, and leaves the weights of the model as they are where they fit', async () => {
    const [kind, name] = ['var', 'var-told'] as const;
    const condition = { plugin: 'class', config: { classes: 3 }, backbone: { attends: false } };
    const { said, finished } = await train(name, { ...tuning(kind, { rate: 0 }), condition });
    expect([finished, said]).toEqual([true, expect.stringContaining('lacks 1 parameters that begin new: condition.')]);
    const manifest = JSON.parse(await readFile(join(modelOf(name), 'model.json'), 'utf8'));
    expect(manifest).toMatchObject({ condition: { plugin: 'class', config: { classes: 3 } } });
    expect(manifest.backbone.config).not.toHaveProperty('classes');
    const [own, theirs] = [await numbersOf(name, 'backbone'), await numbersOf(kind, 'backbone')];
    expect(own.get(`condition.${TABLE}`)).toHaveLength(4 * 16);
    own.delete(`condition.${TABLE}`);
    theirs.delete(TABLE);
    expect(own).toEqual(theirs);
  });
});

describe('a recipe that starts from a model', () => {
  it.each([
    [{ tokenizer: microRecipe.tokenizer }, /start without the sections model and tokenizer/],
    [{ start: null, condition: { plugin: 'class', config: {} } }, /model.condition where the training starts from no/],
    [{ adapter: {}, condition: { plugin: 'class', config: {} } }, /condition without adapter/],
    [{ start: null, adapter: {} }, /start with adapter/],
    [{ generator: null }, /start with a section generator/],
  ])('is refused with %j', (changes, sentence) => {
    expect(() => recipeSchema.parse({ ...tuning('var'), ...changes }, 'tuned')).toThrow(sentence);
  });

  it('is refused for pictures of another size, and for an adapter of nothing', async () => {
    const larger = { ...tuning('var'), data: { ...dataOf('three'), size: 16 } };
    await expect(train('larger', larger)).rejects.toMatchObject({ code: 'recipe-misfit' });
    const nothing = tuning('var', { adapter: { on: ['attention'] } });
    await expect(train('nothing', nothing)).rejects.toThrow(/adapter.on = \["attention"\], which no matrix/);
  });

  it('is told by a dry run how little an adapter trains', async () => {
    const facts = async (adapter: object | null) => {
      const recipe = recipeSchema.parse(tuning('var', { ...(adapter && { adapter }) }), 'tuned');
      return (await recipeFacts({ loaded: { recipe, folder }, engine, measure: 0 })).stages[0]!.parameters;
    };
    expect(await facts({ rank: 1 })).toBeLessThan((await facts(null)) / 2);
  });
});
