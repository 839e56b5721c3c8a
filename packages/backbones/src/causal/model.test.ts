import { setImmediate as nextTurn } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor3D } from '@tensorflow/tfjs';
import type { EmbeddedBatch, TrainContext } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { furthest } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  trainBatchOf,
  openTinyCausal,
  tokensOf,
  type SeededWeights,
  type TinyCausal,
} from '../../fixtures/tiny-causal.ts';
import { vectorsOf, vectorsOfLabels } from '../../fixtures/vectors.ts';
import type { ClassModulatedConfig } from '../class-modulated/params.ts';
import { takeParams as takeNextScaleParams, teach as teachNextScale } from '../next-scale/model.ts';
import { takeParams, teach } from './model.ts';

beforeAll(() => tf.setBackend('cpu'));

function taken(sides: readonly number[], changes: Partial<ClassModulatedConfig> = {}): SeededWeights['taken'] {
  const tiny = openTinyCausal(sides, changes);
  tiny.dispose();
  return tiny.weights.taken;
}

const block = [
  'attn.mat_qkv.weight',
  'attn.q_bias',
  'attn.v_bias',
  'attn.scale_mul_1H11',
  'attn.proj.weight',
  'attn.proj.bias',
  'ffn.fc1.weight',
  'ffn.fc1.bias',
  'ffn.fc2.weight',
  'ffn.fc2.bias',
  'ada_lin.1.weight',
  'ada_lin.1.bias',
];

describe('takeParams', () => {
  it('names parameters as VAR does, and the instructions beside them', () => {
    expect(Object.fromEntries([...taken([3])].map(([name, { tensor }]) => [name, tensor.shape]))).toMatchObject({
      pos_start: [1, 1, 24],
      pos_1LC: [1, 9, 24],
      next_pos_1LC: [1, 9, 24],
      'word_embed.weight': [24, 3],
      'class_emb.weight': [5, 24],
    });
    expect([...taken([3]).keys()]).toEqual([
      'class_emb.weight',
      'pos_start',
      'pos_1LC',
      'next_pos_1LC',
      'word_embed.weight',
      'word_embed.bias',
      ...['blocks.0', 'blocks.1'].flatMap((name) => block.map((part) => `${name}.${part}`)),
      'head_nm.ada_lin.1.weight',
      'head_nm.ada_lin.1.bias',
    ]);
  });

  it('tells scales apart where there are several', () => {
    expect(taken([1, 2]).get('lvl_embed.weight')!.tensor.shape).toEqual([2, 24]);
  });

  it('lets only matrices and class embeddings decay', () => {
    for (const [name, { spec }] of taken([1, 2], { sharedAdaLN: true })) {
      const isMatrix = name.endsWith('.weight') && name !== 'lvl_embed.weight';
      expect([name, spec.decay]).toEqual([name, isMatrix]);
    }
  });

  it('starts as VAR does', () => {
    const specs = taken([1, 2], { initModulation: 0.25 });
    const std = Math.sqrt(1 / (3 * 24));
    for (const name of ['pos_start', 'pos_1LC', 'next_pos_1LC', 'lvl_embed.weight', 'word_embed.weight']) {
      expect([name, specs.get(name)!.spec.init]).toEqual([name, { kind: 'normal', std }]);
    }
    expect(specs.get('blocks.1.attn.proj.weight')!.spec.init).toEqual({ kind: 'normal', std: std / 2 });
    expect(specs.get('head_nm.ada_lin.1.weight')!.spec.init).toEqual({ kind: 'normal', std: std * 0.25 });
  });
});

const refuse = (): never => {
  throw new Error('nothing is random here');
};
const still: TrainContext = { train: false, rng: { uniform: refuse, normal: refuse } };
const labels = [1, 3];
const orders = [
  [0, 1, 2, 3, 4],
  [3, 0, 4, 2, 1],
];

/** Works on a tiny model with scales of one and of four tokens; no tensor outlives it. */
function onTiny(
  work: (tiny: TinyCausal, batch: EmbeddedBatch) => void,
  changes: Partial<ClassModulatedConfig> = {},
): void {
  const before = tf.memory().numTensors;
  const tiny = openTinyCausal([1, 2], changes);
  tf.tidy(() => work(tiny, trainBatchOf(tiny, { orders, labels, values: tokensOf(tiny, 2) })));
  tiny.dispose();
  expect(tf.memory().numTensors).toBe(before);
}

/** [B, L, D] in order. */
function hiddenOf(tiny: TinyCausal, batch: EmbeddedBatch, context = still): Float32Array {
  return teach(tiny.model, batch, context).values_BlD.dataSync<'float32'>();
}

/** By how much each token's hidden state differs, by image. */
function changeOf(a: Float32Array, b: Float32Array): number[][] {
  const D = a.length / 10;
  const part = (all: Float32Array, at: number) => all.subarray(at * D, (at + 1) * D);
  return [0, 1].map((row) => [0, 1, 2, 3, 4].map((i) => furthest(part(a, 5 * row + i), part(b, 5 * row + i))));
}

describe('teach', () => {
  it('gives hidden states in the order of the training batch', () => {
    onTiny((tiny, batch) => {
      const { values_BlD, positions_Bl } = teach(tiny.model, batch, still);
      expect(values_BlD.shape).toEqual([2, 5, 24]);
      expect(positions_Bl).toBe(batch.order_BL);
    });
  });

  it('sees of the tokens what came before, and nothing of the last', () => {
    onTiny((tiny, batch) => {
      const known = hiddenOf(tiny, batch);
      // Position 4 comes last in the first image, third in the second.
      const isFour = tf.equal(tf.range(0, 5), 4).reshape([1, 5, 1]);
      const values_BLC = tf.where(isFour, tf.mul(batch.values_BLC, -2), batch.values_BLC) as Tensor3D;
      const [first, second] = changeOf(known, hiddenOf(tiny, { ...batch, values_BLC }));
      expect(first).toEqual([0, 0, 0, 0, 0]);
      expect(second!.slice(0, 3)).toEqual([0, 0, 0]);
      for (const change of second!.slice(3)) expect(change).toBeGreaterThan(0.01);
    });
  });

  it('is told which position comes next', () => {
    onTiny((tiny, batch) => {
      const other = trainBatchOf(tiny, {
        labels,
        values: tokensOf(tiny, 2),
        orders: [orders[0]!, [3, 0, 4, 1, 2]],
      });
      const [first, second] = changeOf(hiddenOf(tiny, batch), hiddenOf(tiny, other));
      expect(first).toEqual([0, 0, 0, 0, 0]);
      expect(second!.slice(0, 3)).toEqual([0, 0, 0]);
      for (const change of second!.slice(3)) expect(change).toBeGreaterThan(0.01);
    });
  });

  it('is VAR where every scale is one token, and places of seen tokens are silent', () => {
    const before = tf.memory().numTensors;
    const tiny = openTinyCausal([1, 1, 1, 1]);
    const { config, dims, params } = tiny.model;
    tf.tidy(() => {
      const raster = [0, 1, 2, 3];
      const batch = trainBatchOf(tiny, { orders: [raster, raster], labels, values: tokensOf(tiny, 2) });
      const silent = { ...params, pos: tf.zerosLike(params.pos) };
      const hidden = teach({ config, dims, params: silent }, batch, still).values_BlD.dataSync();
      const names: Readonly<Record<string, string>> = { pos_1LC: 'next_pos_1LC' };
      const var_ = takeNextScaleParams(config, dims, {
        has: () => true,
        param: (name) => tiny.weights.taken.get(names[name] ?? name)!.tensor,
      });
      const estimates_BLC = tf.slice(batch.values_BLC, [0, 0, 0], [2, 3, 3]) as Tensor3D;
      const expected = teachNextScale({ config, dims, params: var_ }, { ...batch, estimates_BLC }, still);
      expect(furthest(hidden, expected.values_BlD.dataSync())).toBeLessThan(1e-6);
    });
    tiny.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes the last class row for label -1', () => {
    onTiny((tiny, batch) => {
      const of = (label: number) =>
        hiddenOf(tiny, { ...batch, embedded: vectorsOfLabels(tiny.weights, tiny.model.config, [label, label]) });
      expect(furthest(of(-1), of(4))).toBe(0);
      expect(furthest(of(-1), of(0))).toBeGreaterThan(0.01);
    });
  });

  it('drops whole residuals by chance, in training alone', () => {
    onTiny(
      (tiny, batch) => {
        const streams: string[] = [];
        const rng: TraceRng = {
          normal: refuse,
          uniform: (stream, shape): Tensor => {
            streams.push(`${stream} ${shape.join()}`);
            return tf.zeros([...shape]);
          },
        };
        hiddenOf(tiny, batch);
        hiddenOf(tiny, batch, { train: true, rng });
        expect(streams).toEqual(['drop-path.1.attention 2,1,1', 'drop-path.1.feed-forward 2,1,1']);
      },
      { dropPath: 0.5 },
    );
  });

  it('refuses training batches that it cannot learn from', () => {
    onTiny((tiny, batch) => {
      const cut = { known: tf.scalar(3, 'int32'), least: 3, most: 3 };
      const refused = (changes: Partial<EmbeddedBatch>) => expect(() => hiddenOf(tiny, { ...batch, ...changes }));
      refused({ cut }).toThrowError(expect.objectContaining({ code: 'batch-order' }));
      const order_BL = tf.slice(batch.order_BL, [0, 0], [2, 4]);
      refused({ order_BL }).toThrowError(expect.objectContaining({ code: 'batch-length' }));
      refused({ order_BL }).toThrow('a training batch of 4 positions; expected all 5');
    });
  });
});

describe('gradients', () => {
  it.each(['eager', 'onnx'] as const)('reach every parameter in a training step on %s', async (target) => {
    const before = tf.memory().numTensors;
    const engine = createEngine({ target, threads: 1 });
    const tiny = openTinyCausal([1, 2], { dropPath: 0.1 });
    const variables = [...tiny.weights.taken].map(([name, { spec, tensor }]) => {
      return { name, variable: tf.variable(tensor), decay: spec.decay };
    });
    const byName = new Map(variables.map(({ name, variable }) => [name, variable]));
    const { config, dims } = tiny.model;
    const params = takeParams(config, dims, { has: () => true, param: (name) => byName.get(name)! });
    const { embedded, ...given } = trainBatchOf(tiny, { orders, labels, values: tokensOf(tiny, 2) });
    tf.dispose(embedded.vector_RD!);
    const { values_BLC, order_BL, rank_BL } = given;
    const step = engine.compileTrainStep({
      name: 'causal',
      params: variables,
      loss: ({ label, ...tensors }, rng) => {
        const given = {
          ...(tensors as unknown as EmbeddedBatch),
          embedded: vectorsOf({ has: () => true, param: (name) => byName.get(name)! }, config, label!),
          cut: null,
        };
        const { values_BlD } = teach({ config, dims, params }, given, { train: true, rng });
        return { loss: tf.mean(tf.square(values_BlD)) as Scalar };
      },
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: null,
      ema: false,
    });
    const batch = { values_BLC, order_BL, rank_BL, label: tf.tensor1d([...labels], 'int32') };
    await step.run([batch], { learningRate: 1e-3, weightDecay: 0, emaDecay: 0, key: 1 });
    const state = await step.state();
    const silent = variables.filter(({ name }) => state.get(`m.${name}`)!.data.every((moment) => moment === 0));
    expect(silent.map(({ name }) => name)).toEqual([]);
    step.dispose();
    engine.dispose();
    await nextTurn();
    tf.dispose([...byName.values(), ...Object.values(batch)]);
    tiny.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
