import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createEngine } from '@tessera/targets';
import { afterAll, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { writeStripes } from '../testing/write-stripes.fixture.ts';
import { runBatch } from './run-batch.ts';

const engine = createEngine({ target: 'eager' });
const folder = await mkdtemp(join(tmpdir(), 'tessera-batch-'));
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

it('runs every recipe with every seed, stops at any point, and runs nothing twice', { tags: ['long'] }, async () => {
  await writeStripes(join(folder, 'stripes'), 40);
  const short = { steps: 2, every: { validate: 0, picture: 0 } };
  const recipe = recipeSchema.parse(
    {
      ...microRecipe,
      data: { kind: 'folder', path: 'stripes', size: 8, channels: 1, validation: 0, test: 0.2 },
      judge: { ...microRecipe.judge, ...short },
      tokenizer: { ...microRecipe.tokenizer, ...short, accumulate: 1 },
      generator: { ...microRecipe.generator, ...short },
    },
    'micro',
  );
  const out = join(folder, 'out');
  const run = async (changes: object = {}, stopAt?: string) => {
    const abort = new AbortController();
    const stream = new PassThrough();
    let said = '';
    stream.on('data', (text) => {
      said += String(text);
      if (stopAt && said.includes(stopAt)) abort.abort();
    });
    const recipes = [{ recipe: { ...recipe, ...changes }, folder }];
    const result = await runBatch({ recipes, seeds: [1, 2], engine, out, stream, signal: abort.signal });
    return { ...result, said };
  };
  const stopped = await run({}, 'micro, seed 2');
  expect([stopped.finished, stopped.rows[0]!.seeds]).toEqual([false, [1]]);
  const whole = await run();
  expect(whole.said).toContain(`micro is finished: ${join(out, 'micro-seed-1')}`);
  expect(whole.finished).toBe(true);
  expect(whole.rows).toMatchObject([{ name: 'micro', seeds: [1, 2] }]);
  const { mean, half } = whole.rows[0]!.metrics['fdCnn']!;
  const figures = await Promise.all(
    [1, 2].map(async (seed) => {
      const manifest = JSON.parse(await readFile(join(out, `micro-seed-${seed}`, 'model', 'model.json'), 'utf8'));
      return manifest.metrics.fdCnn as number;
    }),
  );
  expect(mean).toBeCloseTo((figures[0]! + figures[1]!) / 2, 9);
  expect(half).toBeCloseTo((12.706 * Math.abs(figures[0]! - figures[1]!)) / 2, 6);
  expect(JSON.parse(await readFile(join(out, 'batch.json'), 'utf8'))).toEqual(whole.rows);
  const written = async () => (await stat(join(out, 'micro-seed-2', 'model', 'model.json'))).mtimeMs;
  const before = await written();
  const again = await run();
  expect([again.rows, await written()]).toEqual([whole.rows, before]);
  await expect(run({ generator: { ...recipe.generator!, steps: 3 } })).rejects.toMatchObject({
    code: 'recipe-changed',
  });
});
