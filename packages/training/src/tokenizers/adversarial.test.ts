import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { freshWeights } from '@tessera/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openJudge } from '../judge/judge.ts';
import { recipeSchema } from '../recipe/recipe.ts';
import type { TokenizerRecipe } from '../tokenizers/trainable-tokenizers.ts';
import { microRecipe } from '../testing/micro.fixture.ts';
import { stripes } from '../testing/stripes.ts';
import { tokenizerStage } from './tokenizer-stage.ts';

let engine: Engine;
beforeAll(() => {
  engine = createEngine({ threads: 1 });
});
afterAll(() => engine.dispose());

const loss = { l1: 1, l2: 1, perceptual: 0.2, adversarial: { weight: 0.5, from: 0.25, width: 8, levels: 2 } };
const recipe = recipeSchema.parse(
  { ...microRecipe, tokenizer: { ...microRecipe.tokenizer, accumulate: 1, loss } },
  'micro',
);

describe('the adversarial game', () => {
  it('begins when it is time, trains both sides, and goes on from its state', async () => {
    const judge = openJudge(freshWeights(5), { channels: 1, classes: 2, widths: [8, 16] });
    const stage = tokenizerStage({
      engine,
      data: stripes(16),
      recipe: recipe.tokenizer as TokenizerRecipe,
      config: recipe.model!.tokenizer.config,
      seed: 3,
      network: judge.maps,
    });
    const step = async (number: number) => {
      const batches = await stage.batches(number);
      const result = await stage.trainStep.run(batches, stage.hyper(number));
      for (const batch of batches) for (const tensor of Object.values(batch)) tensor.dispose();
      return stage.figures!(result);
    };
    expect([(await step(0))['discriminator'], (await step(1))['discriminator']]).toEqual([0, 0]);
    const first = await step(2);
    expect(first['discriminator']).toBeGreaterThan(0.5);
    expect(first['perceptual']).toBeGreaterThan(0);
    const saved = await stage.trainStep.state();
    const then = await step(3);
    expect(then['discriminator']).not.toBe(first['discriminator']);
    await step(4);
    await stage.trainStep.load(saved);
    expect(await step(3)).toEqual(then);
    const names = [...saved.keys()];
    expect(names).toEqual(expect.arrayContaining(['discriminator/param.out.weight', 'discriminator/done']));
    stage.dispose();
  });
});
