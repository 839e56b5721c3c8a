import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { initialValues, type ConditionedBackbone, type Layout, type TrainTokens, type Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { causalTransformer, maskedEncoderDecoder, nextScaleTransformer } from './index.ts';

/* Which hidden states the vector of a map at one position reaches. That sampling agrees: conformance.test.ts. */

const layout: Layout = {
  length: 5,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
};
const L = layout.length;
const D = 8;
const C = 2;
const order = [3, 1, 4, 0, 2];
const transformer = { depth: 1, width: D, heads: 2 };

const engine = createEngine({ target: 'eager' });
const taken: tf.Tensor[] = [];
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => {
  engine.dispose();
  tf.dispose(taken);
});

/** Fresh weights, none of which is zero. */
const weights: Weights = {
  has: () => true,
  param: (name, shape) => {
    const size = shape.reduce((product, one) => product * one, 1);
    const values = initialValues({ kind: 'normal', std: 0.3 }, name, { size, seed: 1 });
    taken.push(tensorFrom(values, [...shape]));
    return taken.at(-1)!;
  },
};

function build(
  plugin: typeof nextScaleTransformer | typeof causalTransformer | typeof maskedEncoderDecoder,
  config: object,
): ConditionedBackbone {
  const dims = { layout, space: { kind: 'continuous', channels: C } as const };
  return plugin.build(plugin.config.parse({ map: true, ...config }, 'test') as never, dims, { engine, weights });
}

const refuse = (): never => {
  throw new Error('nothing is random here');
};

/** Hidden states of one image, by position, where the first number of the map is 1 at these positions, and all others are 0. */
function hiddenOf(backbone: ConditionedBackbone, at: readonly number[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  tf.tidy(() => {
    const marked = Array.from({ length: L * D }, (_, i) => (i % D === 0 && at.includes(Math.floor(i / D)) ? 1 : 0));
    const batch: TrainTokens = {
      values_BLC: tf.zeros([1, L, C]) as Tensor3D,
      ...(backbone.reads === 'estimate' && { estimates_BLC: tf.zeros([1, L - 1, C]) as Tensor3D }),
      order_BL: tf.tensor2d([order], [1, L], 'int32'),
      rank_BL: tf.tensor2d([order.map((_, position) => order.indexOf(position))], [1, L], 'int32'),
      cut: backbone.reads === 'known' ? { known: tf.scalar(2, 'int32'), least: 2, most: 2 } : null,
    };
    const embedded = { vector_RD: tf.zeros([1, D]) as Tensor2D, map_RLD: tf.tensor3d(marked, [1, L, D]) };
    const context = { train: false, rng: { uniform: refuse, normal: refuse } };
    const { values_BlD, positions_Bl } = backbone.teach({ ...batch, embedded }, context);
    const positions = positions_Bl ? [...positions_Bl.dataSync()] : Array.from({ length: L }, (_, i) => i);
    const [states] = values_BlD.arraySync();
    for (const [i, position] of positions.entries()) found.set(position, states![i]!);
  });
  return found;
}

/** The positions whose hidden states the map at `position` changes. */
function reached(backbone: ConditionedBackbone, position: number): number[] {
  const [none, some] = [hiddenOf(backbone, []), hiddenOf(backbone, [position])];
  return [...none.keys()].filter((one) => String(none.get(one)) !== String(some.get(one))).sort();
}

describe('the map of a condition', () => {
  it('reaches the scale of its position and later ones', () => {
    const backbone = build(nextScaleTransformer, transformer);
    expect(reached(backbone, 0)).toEqual([0, 1, 2, 3, 4]);
    expect(reached(backbone, 2)).toEqual([1, 2, 3, 4]);
    backbone.dispose();
  });

  it('reaches the token that comes at its position, and those after it', () => {
    const backbone = build(causalTransformer, transformer);
    expect(reached(backbone, 3)).toEqual([0, 1, 2, 3, 4]);
    expect(reached(backbone, 0)).toEqual([0, 2]);
    backbone.dispose();
  });

  it.each([
    ['a known position', 3],
    ['an unknown position', 2],
  ])('reaches all tokens to predict from %s', (_name, position) => {
    const backbone = build(maskedEncoderDecoder, { encoder: transformer, decoder: transformer, buffer: 2 });
    expect(reached(backbone, position)).toEqual([0, 2, 4]);
    backbone.dispose();
  });

  it('is refused beside classes, which are a vector', () => {
    expect(() => build(causalTransformer, { ...transformer, classes: 2 })).toThrow('no classes where it takes a map');
  });
});
