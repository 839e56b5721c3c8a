import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BackbonePlugin, EmbeddedBatch, TrainContext, Weights } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { furthest, readGolden, type GoldenWeights } from '@tessera/goldens';
import { beforeAll, describe, expect, it } from 'vitest';
import { askedParams, type AskedParams } from '../../fixtures/asked-params.ts';
import { openTiny, squareLayout, type Tiny } from '../../fixtures/tiny-model.ts';
import { vectorsOf, vectorsOfLabels } from '../../fixtures/vectors.ts';
import { dropPathRates } from '../class-modulated/transformer.ts';
import { nextScaleTransformer } from './backbone.ts';
import { takeParams, teach } from './model.ts';

beforeAll(() => tf.setBackend('cpu'));

/** What the official code registers as buffers, and what belongs to the head. */
const ELSEWHERE = /^(lvl_1L|attn_bias_for_masking|head\..*|.*\.zero_k_bias)$/;

function specsOf(changes: object): AskedParams {
  const dims = { layout: squareLayout([1, 2, 3]), space: { kind: 'discrete', channels: 8, vocabulary: 64 } as const };
  const config = { classes: 10, depth: 2, width: 48, heads: 3, ...changes };
  return askedParams(nextScaleTransformer as BackbonePlugin, config, dims);
}

describe('takeParams', () => {
  it.each(['var_tiny', 'var_tiny_shared', 'var_tiny_nol2'] as const)(
    'takes every parameter of %s and no buffer',
    (name) => {
      const tiny = openTiny(name);
      const stored = readGolden(`weights/${name}`).names.filter((key) => !ELSEWHERE.test(key));
      expect([...tiny.weights.taken.keys()].sort()).toEqual(stored.sort());
      tiny.dispose();
    },
  );

  it('lets only matrices and class embeddings decay', () => {
    const shared = specsOf({ sharedAdaLN: true });
    const decaying = [...specsOf({}), ...shared].filter(([, { decay }]) => decay).map(([name]) => name);
    for (const name of decaying) expect(name).toMatch(/^(?!.*(lvl_embed|pos|ada_gss|scale_mul)).*\.weight$/);
    expect(decaying).toContain('class_emb.weight');
    expect(shared.get('blocks.1.ada_gss')!.decay).toBe(false);
    expect(shared.get('lvl_embed.weight')!.decay).toBe(false);
    expect(decaying).toContain('shared_ada_lin.1.weight');
  });

  it('starts as the official code does', () => {
    const specs = specsOf({});
    const std = Math.sqrt(1 / (3 * 48));
    const init = (name: string) => specs.get(name)!.init;
    expect(init('pos_1LC')).toEqual({ kind: 'normal', std });
    expect(init('blocks.0.attn.proj.weight')).toEqual({ kind: 'normal', std: std / 2 });
    expect(init('blocks.1.ffn.fc2.weight')).toEqual({ kind: 'normal', std: std / 2 });
    expect(init('blocks.0.ffn.fc1.weight')).toEqual({ kind: 'normal', std });
    expect(init('head_nm.ada_lin.1.weight')).toEqual({ kind: 'normal', std: std * 0.5 });
    expect(init('blocks.0.attn.scale_mul_1H11')).toEqual({ kind: 'constant', value: Math.log(4) });
    expect(init('blocks.0.attn.q_bias')).toEqual({ kind: 'zeros' });
    expect(init('blocks.0.ada_lin.1.weight')).toEqual({
      kind: 'rows',
      parts: [
        { rows: 96, init: { kind: 'normal', std: std * 1e-5 } },
        { rows: 192, init: { kind: 'normal', std: std * 0.5 } },
      ],
    });
    expect(specsOf({ sharedAdaLN: true }).get('blocks.0.ada_gss')!.init).toEqual({
      kind: 'rows',
      parts: [
        { rows: 2, init: { kind: 'normal', std: (1 / Math.sqrt(48)) * 1e-5 } },
        { rows: 4, init: { kind: 'normal', std: (1 / Math.sqrt(48)) * 0.5 } },
      ],
    });
    expect(specs.has('blocks.0.attn.zero_k_bias')).toBe(false);
  });

  it('has no scale without query-key normalisation', () => {
    expect([...specsOf({ qkNorm: false }).keys()].some((name) => name.includes('scale_mul'))).toBe(false);
  });
});

const refuse = (): never => {
  throw new Error('nothing is random here');
};
const still: TrainContext = { train: false, rng: { uniform: refuse, normal: refuse } };

/** The recorded training batch, or its first positions. */
function trainBatchOf({ recorded, model, weights }: Tiny, length = 30): EmbeddedBatch {
  const estimates = recorded.tensor('in.x_BLCv_wo_first_l') as Tensor3D;
  const B = estimates.shape[0];
  return {
    values_BLC: tf.zeros([B, length, model.dims.space.channels]),
    estimates_BLC: tf.slice(estimates, [0, 0, 0], [B, length - 1, -1]),
    order_BL: tf.zeros([B, length], 'int32') as Tensor2D,
    rank_BL: tf.zeros([B, length], 'int32') as Tensor2D,
    cut: null,
    embedded: vectorsOf(weights, model.config, recorded.tensor('in.label')),
  };
}

function hiddenOf(tiny: Tiny, batch: EmbeddedBatch, context = still): Float32Array {
  return tf.tidy(() => teach(tiny.model, batch, context).values_BlD.dataSync<'float32'>());
}

describe('teach', () => {
  it.each(['var_tiny', 'var_tiny_shared', 'var_tiny_nol2'] as const)(
    'gives the hidden states recorded of %s',
    (name) => {
      const before = tf.memory().numTensors;
      const tiny = openTiny(name);
      tf.tidy(() => {
        const hidden = hiddenOf(tiny, trainBatchOf(tiny));
        expect(furthest(hidden, tiny.recorded.numbers('out.head_nm'))).toBeLessThan(3e-5);
      });
      tiny.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('computes the first scales alone as it computes them among all', () => {
    const tiny = openTiny('var_tiny');
    tf.tidy(() => {
      const all = tf.tensor(tiny.recorded.numbers('out.head_nm'), [2, 30, 64]);
      for (const length of [1, 5, 14]) {
        const expected = tf.slice(all, [0, 0, 0], [2, length, 64]).dataSync();
        expect(furthest(hiddenOf(tiny, trainBatchOf(tiny, length)), expected)).toBeLessThan(3e-5);
      }
      expect(() => hiddenOf(tiny, trainBatchOf(tiny, 7))).toThrow('whole scales');
      expect(() =>
        hiddenOf(tiny, { ...trainBatchOf(tiny), cut: { known: tf.scalar(3, 'int32'), least: 3, most: 3 } }),
      ).toThrow('supervises every step');
    });
    tiny.dispose();
  });

  it('takes the last class row for label -1', () => {
    const tiny = openTiny('var_tiny');
    tf.tidy(() => {
      const nulls = hiddenOf(tiny, {
        ...trainBatchOf(tiny),
        embedded: vectorsOfLabels(tiny.weights, tiny.model.config, [-1, -1]),
      });
      const last = hiddenOf(tiny, {
        ...trainBatchOf(tiny),
        embedded: vectorsOfLabels(tiny.weights, tiny.model.config, [10, 10]),
      });
      expect(furthest(nulls, last)).toBe(0);
    });
    tiny.dispose();
  });

  it('does not see later scales', () => {
    const tiny = openTiny('var_tiny_nol2');
    tf.tidy(() => {
      const batch = trainBatchOf(tiny);
      const estimates_BLC = tf.concat(
        [tf.slice(batch.estimates_BLC!, [0, 0, 0], [2, 13, -1]), tf.ones([2, 16, 8])],
        1,
      ) as Tensor3D;
      const width = tiny.model.config.width;
      const first = (hidden: Float32Array) => tf.slice(tf.tensor(hidden, [2, 30, width]), 0, [2]).dataSync();
      const cut = (hidden: Float32Array) =>
        tf.slice(tf.tensor(hidden, [2, 30, width]), [0, 0, 0], [2, 14, -1]).dataSync();
      const [known, changed] = [hiddenOf(tiny, batch), hiddenOf(tiny, { ...batch, estimates_BLC })];
      expect(furthest(cut(known), cut(changed))).toBe(0);
      expect(furthest(first(known), first(changed))).toBeGreaterThan(0.01);
    });
    tiny.dispose();
  });

  it('drops whole residuals of single images, from the second block on', () => {
    const tiny = openTiny('var_tiny', { dropPath: 0.5 });
    const streams: string[] = [];
    const rng: TraceRng = {
      normal: refuse,
      uniform: (stream, shape): Tensor => {
        streams.push(`${stream} ${shape.join()}`);
        return tf.tensor([0, 0.999], [...shape]); // keeps all of the first image, nothing of the second
      },
    };
    expect(dropPathRates(tiny.model.config)).toEqual([0, 0.25, 0.5]);
    tf.tidy(() => {
      const hidden = hiddenOf(tiny, trainBatchOf(tiny), { train: true, rng });
      expect(streams).toEqual([
        'drop-path.1.attention 2,1,1',
        'drop-path.1.feed-forward 2,1,1',
        'drop-path.2.attention 2,1,1',
        'drop-path.2.feed-forward 2,1,1',
      ]);
      const { params, config } = tiny.model;
      const shallow = {
        ...tiny.model,
        config: { ...config, dropPath: 0 },
        params: { ...params, blocks: params.blocks.slice(0, 1) },
      };
      const oneBlock = teach(shallow, trainBatchOf(tiny), still).values_BlD.dataSync();
      const half = oneBlock.length / 2;
      expect(furthest(hidden.subarray(half), oneBlock.subarray(half))).toBeLessThan(1e-5);
      expect(furthest(hidden.subarray(0, half), oneBlock.subarray(0, half))).toBeGreaterThan(0.01);
    });
    tiny.dispose();
  });

  it('has gradients for every parameter', () => {
    const tiny = openTiny('var_tiny');
    const variables = [...tiny.weights.taken.keys()].map(
      (name) => [name, tf.variable(readGolden('weights/var_tiny').tensor(name), true, name)] as const,
    );
    const byName = new Map(variables);
    const source: Weights = { has: (name) => byName.has(name), param: (name) => byName.get(name)! };
    const params = takeParams(tiny.model.config, tiny.model.dims, source);
    const batch = () => trainBatchOf({ ...tiny, weights: source as GoldenWeights });
    tf.tidy(() => {
      const { grads } = tf.variableGrads(
        () => tf.mean(tf.square(teach({ ...tiny.model, params }, batch(), still).values_BlD)) as Scalar,
        [...byName.values()],
      );
      const silent = Object.keys(grads).filter((name) => tf.max(tf.abs(grads[name]!)).dataSync()[0] === 0);
      expect(silent).toEqual([]);
      // One head of the first block has a scale above the clamp: its gradient must be cut off.
      expect([...grads['blocks.0.attn.scale_mul_1H11']!.dataSync()].filter((gradient) => gradient === 0)).toHaveLength(
        1,
      );
    });
    tf.dispose([...byName.values()]);
    tiny.dispose();
  });
});
