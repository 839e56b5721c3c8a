import { setImmediate as nextTurn } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { EmbeddedBatch, TrainContext, Weights } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import { furthest } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import { knownOf, tableOf, trainBatchOf, openTinyMasked, type TinyMasked } from '../../fixtures/tiny-masked.ts';
import { vectorsOf } from '../../fixtures/vectors.ts';
import { bufferTokens, dropoutOf, embedTokens, encode } from './encoder-decoder.ts';
import { takeParams, type MaskedConfig } from './params.ts';
import { teach } from './backbone.ts';

beforeAll(() => tf.setBackend('cpu'));

const refuse = (): never => {
  throw new Error('nothing is random here');
};
const still: TrainContext = { train: false, rng: { uniform: refuse, normal: refuse } };
const cases = ['mar_tiny_loss_train', 'mar_tiny_loss_eval', 'mar_tiny_patch2_loss'] as const;

/** Works on a tiny model; no tensor outlives it. */
function onTiny(name: string, work: (tiny: TinyMasked) => void, changes: Partial<MaskedConfig> = {}): void {
  const before = tf.memory().numTensors;
  const tiny = openTinyMasked(name, changes);
  tf.tidy(() => work(tiny));
  tiny.dispose();
  expect(tf.memory().numTensors).toBe(before);
}

function trained(tiny: TinyMasked, batch: EmbeddedBatch, context = still): Float32Array {
  return teach(tiny.model, batch, context).values_BlD.dataSync<'float32'>();
}

/** A recorded tensor [B, n, D] at some places of each row. */
function recordedAt({ recorded }: TinyMasked, name: string, index_Bl: Tensor2D): Float32Array {
  return tf.gather(recorded.tensor(name), index_Bl, 1, 1).dataSync<'float32'>();
}

describe('teach', () => {
  it.each(cases)('gives the hidden states recorded in %s', (name) => {
    onTiny(name, (tiny) => {
      const { values_BlD, positions_Bl } = teach(tiny.model, trainBatchOf(tiny), still);
      expect(positions_Bl!.shape[1]).toBe(tiny.length - knownOf(tiny));
      expect(furthest(values_BlD.dataSync(), recordedAt(tiny, 'out.decoder_z', positions_Bl!))).toBeLessThan(1e-5);
    });
  });

  it.each(cases)('embeds and encodes as recorded in %s', (name) => {
    onTiny(name, (tiny) => {
      const { model, recorded } = tiny;
      const { values_BLC, order_BL, embedded } = trainBatchOf(tiny);
      const buffer = bufferTokens(model, embedded.vector_RD!);
      const all_BL = tf.tile(tf.range(0, tiny.length, 1, 'int32').reshape([1, -1]), [order_BL.shape[0], 1]) as Tensor2D;
      const tokens = embedTokens(model, { values_BLC, known_Bk: all_BL });
      const inputs = tf.concat([buffer, tokens], 1).dataSync();
      expect(furthest(inputs, recorded.numbers('out.z_proj_ln'))).toBeLessThan(1e-5);
      const known = knownOf(tiny);
      const known_Bk = tf.slice(order_BL, [0, 0], [-1, known]) as Tensor2D;
      const seen = known === 0 ? [] : [embedTokens(model, { values_BLC, known_Bk })];
      const encoded = encode(model, {
        x_RtD: tf.concat([buffer, ...seen], 1) as Tensor3D,
        sequence: null,
        bias: null,
        drop: null,
      });
      expect(furthest(encoded.dataSync(), recorded.numbers('out.encoder'))).toBeLessThan(1e-5);
    });
  });

  it.each([
    ['mar_tiny_loss_train', 14, 20],
    ['mar_tiny_loss_train', 3, 14],
    ['mar_tiny_loss_eval', 0, 12],
    ['mar_tiny_patch2_loss', 0, 8],
  ] as const)('hides of %s what comes after the cut, in a program for cuts from %i to %i', (name, least, most) => {
    onTiny(name, (tiny) => {
      const batch = trainBatchOf(tiny, { least, most });
      const { values_BlD, positions_Bl } = teach(tiny.model, batch, still);
      expect(positions_Bl!.shape[1]).toBe(tiny.length - least);
      const after = tf.slice(values_BlD, [0, knownOf(tiny) - least, 0]).dataSync();
      expect(furthest(after, trained(tiny, trainBatchOf(tiny)))).toBeLessThan(1e-5);
      const values_BLC = tf.where(
        tf.less(batch.rank_BL, knownOf(tiny)).expandDims(2),
        batch.values_BLC,
        tf.mul(batch.values_BLC, -3),
      );
      expect(furthest(trained(tiny, { ...batch, values_BLC }), values_BlD.dataSync())).toBe(0);
    });
  });

  it('does not care in which order the known tokens came', () => {
    onTiny('mar_tiny_loss_train', (tiny) => {
      const batch = trainBatchOf(tiny);
      const known = knownOf(tiny);
      const [first, rest] = tf.split(batch.order_BL, [known, tiny.length - known], 1);
      const order_BL = tf.concat([tf.reverse(first!, 1), rest!], 1) as Tensor2D;
      const turned = tf.where(tf.less(batch.rank_BL, known), tf.sub(known - 1, batch.rank_BL), batch.rank_BL);
      const rank_BL = tf.cast(turned, 'int32') as Tensor2D;
      expect(furthest(trained(tiny, { ...batch, order_BL, rank_BL }), trained(tiny, batch))).toBeLessThan(1e-5);
    });
  });

  it('refuses training batches that it cannot learn from', () => {
    onTiny('mar_tiny_patch2_loss', (tiny) => {
      const batch = trainBatchOf(tiny);
      const cut = batch.cut!;
      expect(() => trained(tiny, { ...batch, cut: null })).toThrow('supervises every step');
      expect(() => trained(tiny, { ...batch, cut: { ...cut, most: 9 } })).toThrow('at least one token must be left');
      expect(() => trained(tiny, { ...batch, cut: { ...cut, least: 2 } })).toThrow('the lower one first');
      const order_BL = tf.slice(batch.order_BL, [0, 0], [2, 8]);
      expect(() => trained(tiny, { ...batch, order_BL })).toThrow('a training batch of 8 positions; expected all 9');
    });
  });
});

/** Uniform numbers that drop nothing, but of one stream everything. */
function dropping(target: string | null, streams: string[] = []): TraceRng {
  return {
    normal: refuse,
    uniform: (stream, shape) => {
      streams.push(`${stream} ${shape.join()}`);
      return tf.fill([...shape], stream === target ? 0.999 : 0);
    },
  };
}

describe('dropout', () => {
  const rate = { dropout: 0.5 };
  const oneBlock = { encoder: { depth: 1, width: 32, heads: 2 }, decoder: { depth: 1, width: 48, heads: 3 } };

  it('has a stream for every place of every block', () => {
    onTiny(
      'mar_tiny_patch2_loss',
      (tiny) => {
        const streams: string[] = [];
        trained(tiny, trainBatchOf(tiny), { train: true, rng: dropping(null, streams) });
        expect(streams).toEqual([
          'dropout.encoder.0.attention 2,2,4,4',
          'dropout.encoder.0.projection 2,4,32',
          'dropout.encoder.0.activation 2,4,128',
          'dropout.encoder.0.feed-forward 2,4,32',
          'dropout.decoder.0.attention 2,3,8,12',
          'dropout.decoder.0.projection 2,8,48',
          'dropout.decoder.0.activation 2,8,192',
          'dropout.decoder.0.feed-forward 2,8,48',
        ]);
      },
      { ...rate, ...oneBlock },
    );
  });

  it('does nothing without training, or at rate 0', () => {
    onTiny('mar_tiny_patch2_loss', (tiny) => trained(tiny, trainBatchOf(tiny), { ...still, train: true }));
    onTiny('mar_tiny_patch2_loss', (tiny) => trained(tiny, trainBatchOf(tiny)), rate);
  });

  it.each([
    ['attention', 'attn.proj.weight'],
    ['projection', 'attn.proj.bias'],
    ['activation', 'mlp.fc2.weight'],
    ['feed-forward', 'mlp.fc2.bias'],
  ])('of all of %s leaves what %s = 0 leaves', (place, silenced) => {
    onTiny(
      'mar_tiny_patch2_loss',
      (tiny) => {
        const name = `decoder_blocks.0.${silenced}`;
        const names = [name, ...(silenced.endsWith('bias') ? [name.replace('bias', 'weight')] : [])];
        const zeroed = withParams(tiny, (key, tensor) => (names.includes(key) ? tf.zerosLike(tensor) : tensor));
        const dropped = trained(tiny, trainBatchOf(tiny), { train: true, rng: dropping(`dropout.decoder.0.${place}`) });
        const train = { train: true, rng: dropping(null) };
        expect(furthest(dropped, trained(zeroed, trainBatchOf(tiny), train))).toBeLessThan(1e-5);
        expect(furthest(dropped, trained(tiny, trainBatchOf(tiny), train))).toBeGreaterThan(0.01);
      },
      { ...rate, ...oneBlock },
    );
  });

  it('scales up what stays', () => {
    tf.tidy(() => {
      const rng: TraceRng = { normal: refuse, uniform: () => tf.tensor1d([0, 0.74, 0.75, 0.9]) };
      const drop = dropoutOf(0.25, { train: true, rng })!;
      expect([...drop(tf.tensor1d([3, 6, 9, 12]), 'here').dataSync()]).toEqual([4, 8, 0, 0]);
    });
  });
});

describe('gradients', () => {
  it.each(['eager', 'onnx'] as const)('reach every parameter in a training step on %s', async (target) => {
    const before = tf.memory().numTensors;
    const engine = createEngine({ target, threads: 1 });
    const tiny = openTinyMasked('mar_tiny_patch2_loss', { dropout: 0.1 });
    const variables = [...tiny.weights.taken].map(([name, { spec, tensor }]) => {
      return { name, variable: tf.variable(tensor), decay: spec.decay };
    });
    const byName = new Map(variables.map(({ name, variable }) => [name, variable]));
    const source: Weights = { has: () => true, param: (name) => byName.get(name)! };
    const params = takeParams(tiny.model.config, tiny.model.dims, source);
    const whole = trainBatchOf(tiny, { least: 0, most: 3 });
    const { known } = whole.cut!;
    const step = engine.compileTrainStep({
      name: 'masked',
      params: variables,
      loss: ({ label, cut, ...batch }, rng) => {
        const tensors = batch as unknown as EmbeddedBatch;
        const asked = {
          ...tensors,
          embedded: vectorsOf(source, tableOf(tiny.model.config), label!),
          cut: { known: cut!, least: 0, most: 3 },
        };
        const { values_BlD } = teach({ ...tiny.model, params }, asked, { train: true, rng });
        return { loss: tf.mean(tf.square(values_BlD)) as Scalar };
      },
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: null,
      ema: false,
    });
    tf.dispose(whole.embedded.vector_RD!);
    const { values_BLC, order_BL, rank_BL } = whole;
    const [, ...others] = tiny.recorded.numbers('in.label');
    const label = tf.tensor1d([-1, ...others], 'int32');
    const batch = { values_BLC, order_BL, rank_BL, label, cut: known };
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

/** The same model with other numbers. */
function withParams(tiny: TinyMasked, change: (name: string, tensor: Tensor) => Tensor): TinyMasked {
  const { config, dims } = tiny.model;
  const param = (name: string): Tensor => change(name, tiny.weights.taken.get(name)!.tensor);
  return { ...tiny, model: { config, dims, params: takeParams(config, dims, { has: () => true, param }) } };
}
