import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Engine } from '@tessera/engine';
import { openFeatureNetwork } from '@tessera/features';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { writeStripes } from '../testing/write-stripes.fixture.ts';
import { recipeFacts } from './recipe-facts.ts';
import { runRecipe } from './run-recipe.ts';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-judge-'));
  await writeStripes(join(folder, 'stripes'), 40);
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

const data = { kind: 'folder', path: 'stripes', size: 8, channels: 1, validation: 0.2, test: 0.2 };
const alone = { model: null, tokenizer: null, generator: null };
const recipeOf = (changes: object) => ({
  recipe: recipeSchema.parse({ ...microRecipe, data, ...changes }, 'x'),
  folder,
});

async function run(changes: object, out: string) {
  const { signal } = new AbortController();
  return runRecipe({ loaded: recipeOf(changes), engine, out: join(folder, out), stream: new PassThrough(), signal });
}

describe('a judge alone', () => {
  it('with residual blocks is trained and measured, and judges the models of other recipes by its card', async () => {
    const judge = { ...microRecipe.judge, blocks: [0, 1], steps: 30 };
    const { finished, model, metrics } = await run({ ...alone, judge, name: 'stripes-8' }, 'judge');
    expect([finished, model]).toEqual([true, null]);
    const card = JSON.parse(await readFile(join(folder, 'judge', 'judge.json'), 'utf8'));
    expect(card).toMatchObject({ name: 'stripes-8', accuracy: metrics['judgeAccuracy'] });
    expect(card.config).toEqual({ channels: 1, classes: 2, widths: [8, 16], blocks: [0, 1] });
    expect(metrics['judgeAccuracy']).toBeGreaterThan(0.8);

    const network = await openFeatureNetwork(join(folder, 'judge', 'judge.json'));
    const program = network.open(engine, { height: 8, width: 8, channels: 1 });
    expect((await program.run(new Float32Array(64))).features_ND.length).toBe(16);
    program.dispose();
    network.dispose();

    const named = { judge: { kind: 'file', path: 'judge/judge.json' } };
    expect((await recipeFacts({ loaded: recipeOf(named), engine, measure: 0 })).stages).toHaveLength(2);
    const judged = await run(named, 'model');
    expect(judged.metrics['judgeAccuracy']).toBe(metrics['judgeAccuracy']);
    expect(await readFile(join(judged.model!, 'README.md'), 'utf8')).toContain('Judge: stripes-8, sha256');
  });

  it('that is not there, is damaged, or is another file is refused before any work', async () => {
    const named = (path: string) =>
      recipeFacts({ loaded: recipeOf({ judge: { kind: 'file', path } }), engine, measure: 0 });
    await expect(named('none.json')).rejects.toMatchObject({
      code: 'judge-unknown',
      message: expect.stringMatching('no readable file'),
    });
    await writeFile(join(folder, 'no.json'), 'not JSON');
    await expect(named('no.json')).rejects.toMatchObject({ code: 'judge-malformed' });
    const card = await readFile(join(folder, 'judge', 'judge.json'), 'utf8');
    await writeFile(join(folder, 'judge', 'other.json'), card);
    await writeFile(join(folder, 'judge', 'other.safetensors'), 'damaged');
    await expect(named('judge/other.json')).rejects.toMatchObject({ code: 'judge-altered' });
  });

  it.each([
    [{ widths: [8, 12] }, 'multiples of 8'],
    [{ blocks: [1] }, '2 numbers in blocks'],
  ])('of a shape that cannot be built is refused with its recipe: %o', (change, words) => {
    expect(() => recipeOf({ ...alone, judge: { ...microRecipe.judge, ...change } })).toThrow(words);
  });
});
