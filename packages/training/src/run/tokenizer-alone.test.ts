import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { HeadPlugin } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { categoricalHead } from '@tessera/head-categorical';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { writeStripes } from '../testing/write-stripes.fixture.ts';
import { recipeFacts } from './recipe-facts.ts';
import { runBatch } from './run-batch.ts';
import { runRecipe } from './run-recipe.ts';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-alone-'));
  await writeStripes(join(folder, 'stripes'), 40);
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

const data = { kind: 'folder', path: 'stripes', size: 8, channels: 1, validation: 0.2, test: 0.2 };
const whole = { ...microRecipe, data, judge: { ...microRecipe.judge, steps: 2 } };
const loadedOf = (json: object) => ({ recipe: recipeSchema.parse(json, 'alone'), folder });
const surroundings = () => ({ engine, stream: new PassThrough(), signal: new AbortController().signal });

it(
  'a recipe without a generator ends after stage one with figures, and with a generator goes on from there',
  { tags: ['long'] },
  async () => {
    const out = join(folder, 'out');
    const alone = loadedOf({ ...whole, generator: null });
    expect((await recipeFacts({ loaded: alone, engine, measure: 1 })).stages.map(({ name }) => name)).toEqual([
      'judge',
      'tokenizer',
    ]);
    const first = await runRecipe({ loaded: alone, out, ...surroundings() });
    expect(first).toMatchObject({ finished: true, model: null });
    expect(first.metrics['reconstructionPsnr']).toBeGreaterThan(0);
    const weights = await readFile(join(out, 'tokenizer.safetensors'));
    expect(await readdir(join(out, 'pictures'))).toContain('tokenizer-000008.png');

    const second = await runRecipe({ loaded: loadedOf(whole), out, ...surroundings() });
    expect(second.metrics['reconstructionPsnr']).toBe(first.metrics['reconstructionPsnr']);
    expect(await readFile(join(out, 'tokenizer.safetensors'))).toEqual(weights);
  },
);

it('a batch keeps the figures of recipes that make no model', async () => {
  const recipes = [
    loadedOf({ ...microRecipe, name: 'judge-alone', data, model: null, tokenizer: null, generator: null }),
  ];
  const run = () => runBatch({ recipes, seeds: null, out: join(folder, 'batch'), ...surroundings() });
  const { rows } = await run();
  expect(rows[0]!.metrics['judgeAccuracy']!.mean).toBeGreaterThan(0);
  const log = await readFile(join(folder, 'batch', 'judge-alone', 'log.jsonl'), 'utf8');
  expect((await run()).rows).toEqual(rows);
  expect(await readFile(join(folder, 'batch', 'judge-alone', 'log.jsonl'), 'utf8')).toBe(log);
});

it('is refused without any stage to train', async () => {
  const nothing = loadedOf({ ...whole, generator: null, tokenizer: { kind: 'model', model: 'digits-var' } });
  await expect(recipeFacts({ loaded: nothing, engine, measure: 0 })).rejects.toMatchObject({
    code: 'recipe-incomplete',
    message: expect.stringContaining('a model without a stage to train'),
  });
});

it('a stage that cannot be computed is refused before an earlier one is trained', async () => {
  const own = categoricalHead as HeadPlugin;
  const refusal = { code: 'head-shape', who: '@acme/late', got: 'tokens of another shape', expected: 'its own' };
  const late: HeadPlugin = {
    ...own,
    name: '@acme/late',
    build: (...given) => ({
      ...own.build(...given),
      loss() {
        throw new TesseraError(refusal);
      },
    }),
  };
  const model = { ...microRecipe.model, head: { plugin: late.name, config: {} } };
  const out = join(folder, 'late');
  const request = { loaded: loadedOf({ ...whole, model }), plugins: { heads: [late] }, out, ...surroundings() };
  await expect(runRecipe(request)).rejects.toMatchObject({ code: 'head-shape' });
  expect(await readdir(out).catch(() => [])).not.toContain('judge.checkpoint.safetensors');
});
