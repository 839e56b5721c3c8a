import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { buildBackbone, classOf, constantGuidance, noGuidance, type Rollout, type Step } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTiny, type Tiny, type TinyName } from '../../fixtures/tiny-model.ts';
import type { ClassModulatedConfig } from '../class-modulated/params.ts';
import { nextScaleTransformer } from './backbone.ts';

beforeAll(() => tf.setBackend('cpu'));

describe.each(['eager', 'onnx'] as const)('rollout on %s', (target) => {
  let engine: Engine;
  beforeAll(() => void (engine = createEngine({ target, threads: 1 })));
  afterAll(() => engine.dispose());

  /** Hidden states of every scale, each computed from the recorded estimate: [R, l, D] by scale. */
  async function roll(
    name: TinyName,
    options: { guided?: boolean; labels?: number[] } & Partial<ClassModulatedConfig> = {},
  ) {
    const { guided = false, labels: asked, ...changes } = options;
    const before = tf.memory().numTensors;
    const tiny = openTiny(name, changes);
    const { classes } = tiny.model.config;
    const labels = asked ?? [...tiny.recorded.numbers('in.label')].map((label) => (label === classes ? -1 : label));
    const weights = goldenWeights(readGolden(`weights/${name}`));
    const { config, dims } = tiny.model;
    const backbone = buildBackbone({ plugin: nextScaleTransformer, config: config }, dims, { engine, weights });
    const rows = labels.map((label) => ({ seed: 0, condition: classOf(label) }));
    const rollout = await backbone.openRollout(rows, guided ? constantGuidance(2) : noGuidance);
    const hidden = await forwardAll(rollout, tiny, labels.length);
    rollout.dispose();
    backbone.dispose();
    tiny.dispose();
    weights.dispose();
    expect(tf.memory().numTensors).toBe(before);
    return { hidden, tiny };
  }

  it.each(['var_tiny', 'var_tiny_shared', 'var_tiny_nol2'] as const)(
    'gives from its cache what teacher forcing of %s recorded',
    async (name) => {
      const { hidden, tiny } = await roll(name);
      for (const [scale, values] of hidden.entries()) {
        expect(furthest(values, recordedScale(tiny, scale))).toBeLessThan(3e-5);
      }
    },
  );

  it('gives the same without a cache', async () => {
    const cached = await roll('var_tiny', { guided: true });
    const recomputed = await roll('var_tiny', { guided: true, cache: 'none' });
    for (const [scale, values] of cached.hidden.entries()) {
      expect(furthest(values, recomputed.hidden[scale]!)).toBeLessThan(2e-5);
    }
  });

  it('doubles the rows when guided: the condition first, the null class after', async () => {
    const guided = await roll('var_tiny', { guided: true });
    const nulls = await roll('var_tiny', { labels: [-1, -1] });
    for (const [scale, values] of guided.hidden.entries()) {
      const half = values.length / 2;
      expect(furthest(values.subarray(0, half), recordedScale(guided.tiny, scale))).toBeLessThan(3e-5);
      expect(furthest(values.subarray(half), nulls.hidden[scale]!)).toBeLessThan(2e-5);
    }
  });

  it('makes an image again alone, to the bit', async () => {
    const together = await roll('var_tiny', { labels: [3, 7] });
    const alone = await roll('var_tiny', { labels: [3] });
    for (const [scale, values] of alone.hidden.entries()) {
      expect(furthest(values, together.hidden[scale]!.subarray(0, values.length))).toBe(0);
    }
  });

  it('refuses a label that the model does not have', async () => {
    await expect(roll('var_tiny', { labels: [10, 0] })).rejects.toThrow('label 10; expected a label from 0 to 9');
  });
});

async function forwardAll(rollout: Rollout, { recorded, model }: Tiny, batch: number): Promise<Float32Array[]> {
  const { scales, length } = model.dims.layout;
  const channels = model.dims.space.channels;
  const estimates = recorded.numbers('in.x_BLCv_wo_first_l') as Float32Array;
  const hidden: Float32Array[] = [];
  for (const [index, { start, height, width }] of scales.entries()) {
    const l = height * width;
    const positions_Bl = Int32Array.from({ length: batch * l }, (_, i) => start + (i % l));
    const step: Step = { index, of: scales.length, before: length - start, after: length - start - l, positions_Bl };
    const rows = Array.from({ length: batch }, (_, row) => {
      const at = (row * (length - 1) + start - 1) * channels;
      return [...estimates.subarray(at, at + l * channels)];
    });
    const values_BlC =
      index === 0 ? null : (tensorFrom(Float32Array.from(rows.flat()), [batch, l, channels]) as Tensor3D);
    const { values_RlD } = await rollout.forward({ reads: 'estimate', values_BlC }, step, true);
    hidden.push((await values_RlD.data<'float32'>()).slice());
    values_RlD.dispose();
    values_BlC?.dispose();
  }
  return hidden;
}

/** The recorded hidden states of one scale, [B, l, D]. */
function recordedScale({ recorded, model }: Tiny, scale: number): Float32Array {
  const { start, height, width } = model.dims.layout.scales[scale]!;
  const [B, L, D] = recorded.shape('out.head_nm') as [number, number, number];
  const all = recorded.numbers('out.head_nm') as Float32Array;
  const rows = Array.from({ length: B }, (_, row) =>
    all.subarray((row * L + start) * D, (row * L + start + height * width) * D),
  );
  return Float32Array.from(rows.flatMap((row) => [...row]));
}
