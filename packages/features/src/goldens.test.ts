import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { createEngine } from '@tessera/targets';
import { afterAll, describe, expect, it } from 'vitest';
import { type EfficientNetConfig, lite0, openEfficientNet } from './efficientnet/efficientnet.ts';
import { inceptionNetwork } from './inception/inception-network.ts';
import { openInception } from './inception/inception.ts';
import { alexnet, openLpips, vgg16 } from './lpips/lpips.ts';
import { hashedImages, hashedWeights } from './testing/hashed.ts';

/* What the reference implementations in PyTorch give for the same images and weights: see ../fixtures/goldens.py. */

const engine = createEngine({ threads: 2 });
afterAll(() => engine.dispose());

const goldens = JSON.parse(readFileSync(new URL('../fixtures/goldens.json', import.meta.url), 'utf8')) as {
  readonly vgg16: LpipsGolden;
  readonly alexnet: LpipsGolden;
  readonly efficientnet: { readonly features: number[]; readonly logits: number[] };
  readonly inception: {
    readonly side: number;
    readonly features: number[];
    readonly featuresMean: number;
    readonly probabilities: number[];
    readonly spatial: number[];
    readonly spatialSize: number;
  };
};

interface LpipsGolden {
  readonly widths: number[];
  readonly side: number;
  readonly distance: number;
  readonly toMixed: number;
  readonly features: number[];
  readonly gradientNorm: number;
  readonly gradient: number[];
}

/** Numbers that differ by less than 1e-4 of the golden ones, or of 1. */
function expectClose(found: ArrayLike<number>, golden: readonly number[]): void {
  for (const [i, value] of golden.entries()) {
    expect(Math.abs(found[i]! - value), `${i}: ${found[i]} and ${value}`).toBeLessThan(
      1e-4 * Math.max(1, Math.abs(value)),
    );
  }
}

describe.each([['vgg16', vgg16] as const, ['alexnet', alexnet] as const])('LPIPS on %s', (name, whole) => {
  const golden = goldens[name];
  const lpips = openLpips(hashedWeights, { ...whole, widths: golden.widths });
  const [a, b] = [hashedImages('a', 2, golden.side), hashedImages('b', 2, golden.side)];
  const mixed = tf.div(tf.add(a, b), 2) as Tensor4D;

  it('gives the distances and features of the package lpips', async () => {
    const distance = engine.compile((x: Tensor4D, y: Tensor4D) => lpips.distance(x, y), { name: 'lpips' });
    const [far, near] = [await distance(a, b), await distance(a, mixed)];
    expect((await far.data())[0]! / golden.distance).toBeCloseTo(1, 4);
    expect((await near.data())[0]! / golden.toMixed).toBeCloseTo(1, 4);
    const features = await engine.compile(lpips.features, { name: 'features' })(a);
    expectClose(await features.data(), golden.features);
  });

  it('has the gradient that PyTorch finds, and none where images are equal', async () => {
    const gradientOf = engine.compile(
      (x: Tensor4D, y: Tensor4D) => tf.grad((z) => lpips.distance(z as Tensor4D, y))(x),
      {
        name: 'gradient',
      },
    );
    const gradient = await gradientOf(a, b);
    const norm = tf.norm(gradient).dataSync()[0]!;
    expect(norm / golden.gradientNorm).toBeCloseTo(1, 3);
    const row = gradient.dataSync().subarray(Math.floor(golden.side / 2) * golden.side * 3);
    for (const [i, value] of golden.gradient.entries()) expect((row[i]! - value) / norm).toBeCloseTo(0, 5);
    expect((await gradientOf(a, a)).dataSync().every((value) => value === 0)).toBe(true);
  });

  it('refuses images that are too small', () => {
    const side = whole.least - 1;
    expect(() => lpips.maps(tf.zeros([1, side, side, 3]) as Tensor4D)).toThrow(`${side} x ${side} pixels`);
  });
});

describe('EfficientNet-lite', () => {
  it('gives the features and logits of efficientnet-lite-pytorch', async () => {
    const small: EfficientNetConfig = {
      ...lite0,
      stages: [
        { kernel: 3, stride: 1, expand: 1, to: 8, repeats: 1 },
        { kernel: 5, stride: 2, expand: 6, to: 16, repeats: 2 },
      ],
      classes: 10,
    };
    const run = openEfficientNet(hashedWeights, small);
    const network = engine.compile((image: Tensor4D) => ({ ...run(image) }), { name: 'efficientnet' });
    const { features_BD, logits_BK } = await network(hashedImages('a', 2, 224));
    expectClose(await features_BD.data(), goldens.efficientnet.features);
    expectClose(await logits_BK.data(), goldens.efficientnet.logits);
  });
});

describe('the Inception network of FID', () => {
  it('gives the features, classes and places of pytorch-fid, which resizes images itself', async () => {
    const { side, ...golden } = goldens.inception;
    const facts = { name: 'inception', sha256: '', licence: '', dispose: () => undefined };
    const network = inceptionNetwork(openInception(hashedWeights), facts);
    const program = network.open(engine, { height: side, width: side, channels: 3 });
    const found = await program.run(await hashedImages('a', 2, side).data<'float32'>());
    expectClose(found.features_ND, golden.features.slice(0, 8));
    expectClose(found.features_ND.subarray(2048), golden.features.slice(8));
    expect(found.features_ND.reduce((sum, value) => sum + value, 0) / 4096).toBeCloseTo(golden.featuresMean, 4);
    for (const [i, value] of golden.probabilities.entries())
      expect(found.probabilities_NK![i]! / value).toBeCloseTo(1, 3);
    expect(found.spatial_ND!.length).toBe(2 * golden.spatialSize);
    expectClose(found.spatial_ND!, golden.spatial.slice(0, 8));
    expectClose(found.spatial_ND!.subarray(golden.spatialSize), golden.spatial.slice(8));
  });
});
