import * as tf from '@tensorflow/tfjs';
import { createEngine } from '@tessera/targets';
import type { FreshWeights } from '@tessera/models';
import { type VqConfig, vqTokenizer } from '@tessera/tokenizer-vq';
import { afterAll, describe, expect, it } from 'vitest';
import { type EncodedSplit, encodeImages } from './encoded-split.ts';
import { recipeSchema } from '../recipe/recipe.ts';
import type { TokenizerRecipe } from '../tokenizers/trainable-tokenizers.ts';
import { partsOf } from '../run/recipe-parts.ts';
import { microMasked, microRecipe } from '../testing/micro.fixture.ts';
import { stripes } from '../testing/stripes.ts';
import { codebookUsage } from './codebook.ts';
import { tokenizerStage } from './tokenizer-stage.ts';
import { measuredConfigOf } from './trainable-tokenizers.ts';

const engine = createEngine({ threads: 1 });
afterAll(() => engine.dispose());

const { config } = microRecipe.model.tokenizer;
const recipe = recipeSchema.parse(
  {
    ...microMasked,
    model: {
      ...microMasked.model,
      tokenizer: { plugin: 'vq', config: { ...config, patch_nums: [4], quant_resi: 0 } },
      head: microRecipe.model.head,
      defaults: { ...microMasked.model.defaults, options: { steps: 4 } },
    },
    tokenizer: { ...microRecipe.tokenizer, accumulate: 1 },
  },
  'micro',
);

describe('a codebook of a single scale', () => {
  it('starts from data, learns, starts dead codes again and is measured', async () => {
    const data = stripes(16);
    const plain = partsOf(recipe).facts.configs.tokenizer as VqConfig;
    const own = recipe.tokenizer as TokenizerRecipe;
    const start = tf.memory().numTensors;
    const stage = tokenizerStage({ engine, data, recipe: own, config: plain, seed: 3, network: null });
    await stage.start!();
    const losses: number[] = [];
    let figures: Awaited<ReturnType<NonNullable<typeof stage.figures>>> = {};
    for (let step = 0; step < 8; step++) {
      const batches = await stage.batches(step);
      const result = await stage.trainStep.run(batches, stage.hyper(step));
      await stage.after!(step, result);
      for (const batch of batches) tf.dispose(Object.values(batch));
      losses.push(result.loss);
      figures = stage.figures!(result);
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    expect(figures['usage']).toHaveLength(1);
    expect(figures['revived']).toBeGreaterThan(0);
    expect((figures['usage'] as readonly number[])[0]).toBeGreaterThan(0);
    await stage.trainStep.sync('params');
    const encoded = await encodedBy(plain, { weights: stage.weights, pixels: await data.train.read(sixteen) });
    const usage = codebookUsage(encoded, { vocabulary: plain.V, layout: vqTokenizer.describe(plain).layout });
    expect(usage.scales).toEqual([usage.union]);
    expect(usage.union).toBeGreaterThan(0);
    const measured = await measuredConfigOf('vq').measure({
      engine,
      data,
      config: plain,
      weights: stage.weights,
      encoded,
    });
    expect(measured).toMatchObject({ preview: { weight: [{}, {}, {}, {}].map(() => [expect.any(Number)]) } });
    stage.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });
});

const sixteen = Int32Array.from({ length: 16 }, (_, n) => n);

/** The images as a tokenizer with these weights encodes them. */
async function encodedBy(
  plain: VqConfig,
  { weights, pixels }: { weights: FreshWeights; pixels: Float32Array },
): Promise<EncodedSplit> {
  const tokenizer = vqTokenizer.build(plain, { engine, weights });
  const { name, shape, values } = await encodeImages(tokenizer, pixels, 16);
  tokenizer.dispose();
  const read: EncodedSplit['read'] = () => values;
  return { count: 16, copies: 1, label_N: sixteen, name, shape, read };
}
