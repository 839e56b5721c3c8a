import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { openJudge } from '@tessera/features';
import { freshWeights, type FreshWeights } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { type VqConfig, vqTokenizer } from '@tessera/tokenizer-vq';
import { afterAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { partsOf } from '../run/recipe-parts.ts';
import { microMasked, microRecipe } from '../testing/micro.fixture.ts';
import { stripes } from '../testing/stripes.ts';
import { adversarialLoss } from './adversarial.ts';
import { codebookUsage } from './codebook.ts';
import { patchDiscriminator } from './discriminator.ts';
import { type EncodedSplit, encodeImages } from './encoded-split.ts';
import { scaleStdOf } from './kl.ts';
import { perceptualLoss } from './perceptual.ts';
import { measuredConfigOf, type TokenizerRecipe, tokenizerStage } from './tokenizer-stage.ts';

const engine = createEngine({ threads: 1 });
afterAll(() => engine.dispose());

const terms = { r1: { weight: 0.1, every: 2 }, lecam: {}, learningRate: 0.002 };
const adversarial = { weight: 0.5, from: 0.25, width: 8, levels: 2, ...terms };
const lossFields = { l1: 1, l2: 1, perceptual: 0.2, adversarial };
const adversarialRecipe = recipeSchema.parse(
  { ...microRecipe, tokenizer: { ...microRecipe.tokenizer, accumulate: 1, loss: lossFields } },
  'micro',
);

describe('adversarial training', () => {
  it('begins at its step, trains both networks, and continues from its state', async () => {
    const judge = openJudge(freshWeights(5), { channels: 1, classes: 2, widths: [8, 16] });
    const stage = tokenizerStage({
      engine,
      data: stripes(16),
      recipe: adversarialRecipe.tokenizer as TokenizerRecipe,
      config: adversarialRecipe.model!.tokenizer.config,
      seed: 3,
      network: judge,
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
    expect([first['r1'], first['lecam']]).toEqual([expect.any(Number), expect.any(Number)]);
    const saved = await stage.trainStep.state();
    const then = await step(3);
    expect(then['discriminator']).not.toBe(first['discriminator']);
    expect('r1' in then).toBe(false);
    const later = await step(4);
    expect(later['r1']).toBeGreaterThan(0);
    const average = (await stage.trainStep.state()).get('ema.quantize.embedding.weight');
    await stage.trainStep.load(saved);
    expect([await step(3), await step(4)]).toEqual([then, later]);
    expect((await stage.trainStep.state()).get('ema.quantize.embedding.weight')).toEqual(average);
    const names = [...saved.keys()];
    const own = ['param.out.weight', 'anchors', 'done'].map((name) => `discriminator/${name}`);
    expect(names).toEqual(expect.arrayContaining(own));
    expect(names.some((name) => name.startsWith('discriminator/ema.'))).toBe(false);
    stage.dispose();
  });
});

const { config: vqFields } = microRecipe.model.tokenizer;
const singleScaleRecipe = recipeSchema.parse(
  {
    ...microMasked,
    model: {
      ...microMasked.model,
      tokenizer: { plugin: 'vq', config: { ...vqFields, patch_nums: [4], quant_resi: 0 } },
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
    const plain = partsOf(singleScaleRecipe).facts.configs.tokenizer as VqConfig;
    const own = singleScaleRecipe.tokenizer as TokenizerRecipe;
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

/** Moments of maps of 2 x 2 latents of one channel: all the same within an image, `level(n)` in image n. */
function flat(count: number, { level, logVariance }: { level: (n: number) => number; logVariance: number }) {
  const read = (members: Int32Array) =>
    Float32Array.from([...members].flatMap((n) => Array.from({ length: 4 }, () => [level(n), logVariance]).flat()));
  return { count, shape: [2, 2, 2], read };
}

describe('scaleStdOf', () => {
  it('gives the mean of an image to the first scale and what differs within it to the next', async () => {
    const before = tf.memory().numTensors;
    // Levels of -3 and 3, and noise of deviation 2: the mean of four has 1, and what is left 2 sqrt(3/4).
    const encoded = flat(4000, { level: (n) => (n % 2 ? 3 : -3), logVariance: Math.log(4) });
    const [coarse, fine] = await scaleStdOf(engine, [1, 2], encoded);
    expect(coarse).toBeCloseTo(Math.sqrt(9 + 1), 1);
    expect(fine).toBeCloseTo(Math.sqrt(3), 1);
    expect(await scaleStdOf(engine, [1, 2], encoded)).toEqual([coarse, fine]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('looks at images from all of the split', async () => {
    const late = flat(20000, { level: (n) => (n < 10000 ? 0 : 2), logVariance: -30 });
    await expect(scaleStdOf(engine, [2], late)).resolves.toEqual([expect.closeTo(1, 2)]);
  });

  it('refuses a scale without information', async () => {
    const encoded = flat(8, { level: (n) => n, logVariance: -30 });
    await expect(scaleStdOf(engine, [1, 2], encoded)).rejects.toThrow(/at scale 1 of the latents/);
  });
});

const image = (shift: number) =>
  tf.tensor4d(
    Float32Array.from({ length: 128 }, (_, i) => Math.sin(i * 0.7 + shift)),
    [2, 8, 8, 1],
  );

describe('perceptual loss', () => {
  it('is zero for equal images and grows with their difference', () => {
    const network = (x: Tensor4D) => [tf.concat([x, tf.sub(1, x)], 3) as Tensor4D, tf.avgPool(x, 2, 2, 'valid')];
    const [a, near, far] = [image(0), image(0.1), image(2)];
    const distance = (b: Tensor4D) => perceptualLoss({ maps: network }, a, b).dataSync()[0]!;
    expect(distance(a)).toBe(0);
    expect(distance(far)).toBeGreaterThan(3 * distance(near));
  });
});

describe('adversarial loss', () => {
  it('has a gradient as large as that of the reconstruction loss', () => {
    const discriminator = patchDiscriminator(freshWeights(1), { channels: 1, width: 4, levels: 2 });
    const [real, made] = [image(0), image(1)];
    const reconstruction = (x: Tensor4D) => tf.mean(tf.square(tf.sub(x, real))) as tf.Scalar;
    const norm = (fn: (x: Tensor4D) => tf.Scalar) => tf.norm(tf.grad((x) => fn(x as Tensor4D))(made)).dataSync()[0]!;
    const pull = norm(reconstruction);
    const push = norm((x) => adversarialLoss(x, { discriminator, reconstruction }).loss);
    expect(pull).toBeGreaterThan(0);
    expect(push / pull).toBeCloseTo(1, 2);
  });
});
