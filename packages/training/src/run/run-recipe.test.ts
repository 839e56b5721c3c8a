import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { openCheckpoint } from '@tessera/checkpoints';
import { type Engine, nn } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Recipe, recipeSchema } from '../recipe/recipe.ts';
import { microMasked, microRecipe, microScales } from '../testing/micro.fixture.ts';
import { writeStripes } from '../testing/write-stripes.fixture.ts';
import { lossCost, recipeFacts } from './recipe-facts.ts';
import { runRecipe } from './run-recipe.ts';

let folder: string;
let engine: Engine;
let recipe: Recipe;
let masked: Recipe;
let scales: Recipe;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-run-'));
  await writeStripes(join(folder, 'stripes'), 40);
  const data = { kind: 'folder', path: 'stripes', size: 8, channels: 1, validation: 0.2, test: 0.2 };
  masked = recipeSchema.parse({ ...microMasked, data: { ...data, flips: true } }, 'micro');
  recipe = recipeSchema.parse({ ...microRecipe, data }, 'micro');
  scales = recipeSchema.parse({ ...microScales, data }, 'micro');
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

interface Changes {
  readonly tokenizer?: object;
  readonly config?: object;
}

/** The recipe with the tokenizer of a model that ships, on images of its size. */
function borrowing(recipe: Recipe, changes: object = {}) {
  const model = fileURLToPath(new URL('../../../../models/digits-mar', import.meta.url));
  const { config } = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8')).tokenizer;
  const measured = { latentScale: undefined, preview: undefined, patch_size: 1 };
  const own = JSON.parse(JSON.stringify({ ...config, ...measured, patch_nums: [1, 3, 8], ...changes }));
  const tokenizer = { plugin: 'kl-scales', config: own };
  const borrowed: Recipe = {
    ...recipe,
    data: { ...(recipe.data as Extract<Recipe['data'], { kind: 'folder' }>), size: 32 },
    model: { ...recipe.model!, tokenizer },
    tokenizer: { kind: 'model', model },
    generator: { ...recipe.generator!, steps: 4 },
    evaluation: { samples: 4, neighbours: 4 },
  };
  return { recipe: borrowed, model };
}

describe('a recipe', () => {
  it('runs from a folder of images to an evaluated model, and does nothing twice', async () => {
    const out = join(folder, 'out');
    const stream = new PassThrough();
    const run = (wanted = recipe) =>
      runRecipe({ loaded: { recipe: wanted, folder }, engine, out, stream, signal: new AbortController().signal });
    const { finished, model, metrics } = await run();
    expect(finished).toBe(true);
    const said = String(stream.read()).trimEnd().split('\n');
    expect(said.filter((line) => / {2}8 steps; compiling the step$/.test(line))).toHaveLength(3);
    expect(said).toContainEqual(expect.stringMatching(/^encode train {2}24 images$/));
    expect(said).toContainEqual(expect.stringMatching(/^generator {2}8\/8 {2}loss \d+\.\d+.* in \d+s$/));
    expect(said).toContainEqual(expect.stringMatching(/^evaluation {2}8 samples$/));
    const manifest = JSON.parse(await readFile(join(model!, 'model.json'), 'utf8'));
    expect(manifest).toMatchObject({
      name: 'micro',
      classes: ['horizontal', 'vertical'],
      data: expect.stringContaining('stripes'),
    });
    expect(manifest.tokenizer.config.preview.weight).toHaveLength(4);
    expect(metrics['fdCnn']).toBeGreaterThan(0);
    expect(metrics['codebookUsage']).toBeGreaterThan(0);
    expect(metrics['reconstructionSsim']).toBeLessThan(1);
    expect((await readdir(join(out, 'curves'))).sort()).toEqual(['generator.svg', 'judge.svg', 'tokenizer.svg']);
    expect(await readdir(join(out, 'pictures'))).toEqual(
      expect.arrayContaining(['generator-000008.png', 'samples.png', 'neighbours.png', 'tokenizer-000008.png']),
    );
    const log = await readFile(join(out, 'log.jsonl'), 'utf8');
    const before = tf.memory().numTensors;
    const defaults = { ...recipe.model!.defaults, options: { topK: 5 } };
    expect((await run({ ...recipe, model: { ...recipe.model!, defaults } })).finished).toBe(true);
    expect(JSON.parse(await readFile(join(model!, 'model.json'), 'utf8')).defaults).toEqual(defaults);
    expect(tf.memory().numTensors).toBe(before);
    expect(await readFile(join(out, 'log.jsonl'), 'utf8')).toBe(log);
  });

  it.each(['judge', 'tokenizer', 'generator'] as const)(
    'is refused where a batch of the %s is not to be filled',
    async (stage) => {
      const loaded = { recipe: { ...recipe, [stage]: { ...recipe[stage], batch: 25 } } as Recipe, folder };
      const out = join(folder, 'unfilled');
      const request = { loaded, engine, out, stream: new PassThrough(), signal: new AbortController().signal };
      const refusal = {
        code: 'batch-too-large',
        message: expect.stringContaining(`${stage}.batch = 25 with 24 training images`),
      };
      await expect(runRecipe(request)).rejects.toMatchObject(refusal);
      await expect(recipeFacts({ loaded, engine, measure: 0 })).rejects.toMatchObject(refusal);
      expect(existsSync(out)).toBe(false);
    },
  );

  it('measures the scale of continuous latents, and shows both mirror images', async () => {
    const out = join(folder, 'masked');
    const stream = new PassThrough();
    const before = tf.memory().numTensors;
    const { signal } = new AbortController();
    const { model, metrics } = await runRecipe({ loaded: { recipe: masked, folder }, engine, out, stream, signal });
    expect(tf.memory().numTensors).toBe(before);
    const manifest = JSON.parse(await readFile(join(model!, 'model.json'), 'utf8'));
    const { latentScale, preview } = manifest.tokenizer.config;
    expect(latentScale).toBeGreaterThan(0);
    expect(latentScale).not.toBe(1);
    expect(preview.weight).toHaveLength(2);
    const tokens = await openCheckpoint(join(out, 'tokens', 'train.safetensors'));
    expect(tokens.tensors.get('moments')).toMatchObject({ shape: [48, 4, 4, 4], dtype: 'float32' });
    await tokens.close();
    expect(metrics['codebookUsage']).toBeUndefined();
    expect(await readFile(join(model!, 'README.md'), 'utf8')).not.toMatch(/NaN|recipes\/|shared/);
  });

  it('measures every scale of continuous latents', { tags: ['long'] }, async () => {
    const out = join(folder, 'scales');
    const before = tf.memory().numTensors;
    const { signal } = new AbortController();
    const loaded = { recipe: scales, folder };
    const { model, metrics } = await runRecipe({ loaded, engine, out, stream: new PassThrough(), signal });
    expect(tf.memory().numTensors).toBe(before);
    const { tokenizer } = JSON.parse(await readFile(join(model!, 'model.json'), 'utf8'));
    expect(tokenizer.plugin).toBe('kl-scales');
    expect(tokenizer.config.latentScale).not.toBe(1);
    expect(tokenizer.config.scaleStd).toHaveLength(3);
    for (const std of tokenizer.config.scaleStd) expect(std).toBeGreaterThan(0);
    expect(new Set(tokenizer.config.scaleStd).size).toBe(3);
    expect(metrics['fdCnn']).toBeGreaterThan(0);
    const log = await readFile(join(out, 'log.jsonl'), 'utf8');
    expect(log).toContain('"stage":"generator"');
  });

  it('takes a tokenizer from a model and trains nothing of it', { tags: ['long'] }, async () => {
    const { recipe: taking, model } = borrowing(scales);
    const loaded = { recipe: taking, folder };
    const facts = await recipeFacts({ loaded, engine, measure: 0 });
    expect(facts.stages.map(({ name }) => name)).toEqual(['judge', 'generator']);
    const file = await openCheckpoint(join(model, 'tokenizer.safetensors'));
    const sizes = [...file.tensors.values()].map(({ shape }) => shape.reduce((size, side) => size * side, 1));
    expect(facts.parameters).toBe(facts.stages[1]!.parameters + sizes.reduce((sum, size) => sum + size));
    const out = join(folder, 'taking');
    const before = tf.memory().numTensors;
    const { signal } = new AbortController();
    const { model: made } = await runRecipe({ loaded, engine, out, stream: new PassThrough(), signal });
    expect(tf.memory().numTensors).toBe(before);
    const copied = await openCheckpoint(join(made!, 'tokenizer.safetensors'));
    expect([...copied.tensors.keys()].sort()).toEqual([...file.tensors.keys()].sort());
    for (const name of file.tensors.keys()) expect(await copied.read(name)).toEqual(await file.read(name));
    for (const opened of [file, copied]) await opened.close();
    const { tokenizer } = JSON.parse(await readFile(join(made!, 'model.json'), 'utf8'));
    expect(tokenizer).toMatchObject({ plugin: 'kl-scales', config: { patch_nums: [1, 3, 8], groups: 16 } });
    expect(new Set(tokenizer.config.scaleStd).size).toBe(3);
    expect(await readFile(join(out, 'log.jsonl'), 'utf8')).not.toContain('"stage":"tokenizer"');
    const card = await readFile(join(made!, 'README.md'), 'utf8');
    expect(card).toContain('tokenizer of the model');
    expect(card).not.toContain('tokenizer.svg');
    expect(existsSync(join(made!, 'images', 'reconstructions.png'))).toBe(true);
  });

  it.each([
    ['is not there', { tokenizer: { kind: 'model', model: 'digits-unknown' } }, 'unknown-model', 'digits-unknown'],
    ['has other shapes', { config: { ch: 32, groups: 16 } }, 'weights-mismatch', 'encoder.conv_in.weight [16'],
    ['was trained otherwise', { config: { groups: 8 } }, 'recipe-tokenizer', 'groups = 8; expected 16'],
  ])('refuses at once a tokenizer that %s', async (_, { tokenizer, config }: Changes, code, named) => {
    const { recipe: taking } = borrowing(scales, config);
    const loaded = { recipe: { ...taking, ...(tokenizer && { tokenizer }) } as Recipe, folder };
    const refusal = { code, message: expect.stringContaining(named) };
    await expect(recipeFacts({ loaded, engine, measure: 0 })).rejects.toMatchObject(refusal);
    const out = join(folder, 'refused');
    const { signal } = new AbortController();
    await expect(runRecipe({ loaded, engine, out, stream: new PassThrough(), signal })).rejects.toMatchObject(refusal);
    expect(existsSync(out)).toBe(false);
  });

  it('is told what it will cost', async () => {
    const facts = await recipeFacts({ loaded: { recipe, folder }, engine, measure: 0 });
    expect(facts.stages.map(({ name, images }) => [name, images])).toEqual([
      ['judge', 8],
      ['tokenizer', 16],
      ['generator', 8],
    ]);
    expect(facts.parameters).toBe(facts.stages[1]!.parameters + facts.stages[2]!.parameters);
    expect([facts.seconds, facts.secondsOf]).toEqual([null, null]);
  });

  it.each(['codes', 'distributions'])(
    'is told the time of everything that will run: %s',
    { tags: ['long'] },
    async (tokens) => {
      const loaded = { recipe: tokens === 'codes' ? recipe : masked, folder };
      const before = tf.memory().numTensors;
      const { seconds, secondsOf, stages } = await recipeFacts({ loaded, engine, measure: 1 });
      expect(tf.memory().numTensors).toBe(before);
      const parts = ['compiling', 'encoding', 'evaluation', 'pictures', 'steps', 'validation'] as const;
      expect(Object.keys(secondsOf!).sort()).toEqual(parts);
      for (const part of parts) expect(secondsOf![part], part).toBeGreaterThan(0);
      expect(seconds).toBeCloseTo(parts.reduce((sum, part) => sum + secondsOf![part], 0));
      // Eight steps of a micro model are over before its programs are compiled.
      expect(secondsOf!.compiling).toBeGreaterThan(secondsOf!.steps);
      expect(secondsOf!.steps).toBeCloseTo(
        stages.reduce((sum, { steps, secondsPerStep }) => sum + steps * secondsPerStep!, 0),
      );
    },
  );

  it('is told that every program of masked prediction takes memory', async () => {
    const factsOf = async (programs: number) => {
      const generator = { ...masked.generator!, masking: { leastRate: 0, deviation: 0.5, programs } };
      const { stages } = await recipeFacts({
        loaded: { recipe: { ...masked, generator }, folder },
        engine,
        measure: 0,
      });
      return stages.find(({ name }) => name === 'generator')!;
    };
    const [one, four] = [await factsOf(1), await factsOf(4)];
    const kept = 4 * 5 * one.parameters;
    expect(four.memoryBytes - kept).toBeGreaterThan(2 * (one.memoryBytes - kept));
  });

  it('is refused where it plans what its backbone cannot learn', async () => {
    const generator = { ...recipe.generator!, masking: { leastRate: 0.5, deviation: 0.25, programs: 1 } };
    const loaded = { recipe: { ...recipe, generator }, folder };
    await expect(recipeFacts({ loaded, engine, measure: 0 })).rejects.toMatchObject({ code: 'recipe-misfit' });
  });

  it('is refused at once where its defaults are none of its model', async () => {
    const { model } = masked;
    const defaults = { ...model!.defaults, options: { steps: 99 } };
    const loaded = { recipe: { ...masked, model: { ...model!, defaults } }, folder };
    const refusal = { message: expect.stringMatching(/micro.*99/) };
    await expect(recipeFacts({ loaded, engine, measure: 0 })).rejects.toMatchObject(refusal);
    const out = join(folder, 'refused');
    const { signal } = new AbortController();
    await expect(runRecipe({ loaded, engine, out, stream: new PassThrough(), signal })).rejects.toMatchObject(refusal);
    expect(existsSync(out)).toBe(false);
  });

  it('counts the operations of a loss', () => {
    const weight = tf.variable(tf.ones([3, 4]));
    const loss = ({ x }: Readonly<Record<string, tf.Tensor>>) => ({
      loss: tf.sum(
        nn.linear(tf.matMul(x as tf.Tensor2D, weight as unknown as tf.Tensor2D), tf.ones([2, 4]), tf.zeros([2])),
      ) as tf.Scalar,
    });
    const x = tf.ones([5, 3]);
    const spec = { params: [{ name: 'weight', variable: weight, decay: false }], loss };
    expect(lossCost({ name: 'product', spec }, { x }).flops).toBe(2 * 5 * 3 * 4 + 2 * 5 * 4 * 2);
    tf.dispose([x, weight]);
  });
});
