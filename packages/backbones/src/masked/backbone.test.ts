import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import {
  classOf,
  constantGuidance,
  noGuidance,
  buildBackbone,
  type BoundBackbone,
  type Context,
  type Guidance,
  type Step,
} from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyMasked, type TinyMasked } from '../../fixtures/tiny-masked.ts';
import { maskedEncoderDecoder } from './backbone.ts';

beforeAll(() => tf.setBackend('cpu'));

/** What a step of some images reads, as plain numbers. */
interface Moment {
  readonly values: ArrayLike<number>;
  /** Positions known and to predict, by row. */
  readonly known: readonly (readonly number[])[];
  readonly predicted: readonly (readonly number[])[];
}

interface Request {
  readonly labels: readonly number[];
  readonly guidance: Guidance;
  /** Steps without the null class, although guidance is active. */
  readonly unguided?: readonly number[];
}

/** Hidden states of moments of one generation, [R, l, D] each. */
async function roll(backbone: BoundBackbone, { labels, guidance, unguided = [] }: Request, moments: readonly Moment[]) {
  const rollout = await backbone.openRollout(
    labels.map((label) => ({ seed: 0, condition: classOf(label) })),
    guidance,
  );
  const hidden: Float32Array[] = [];
  try {
    for (const [index, moment] of moments.entries()) {
      const context = contextOf(moment);
      const step = stepOf(moment, { index, of: moments.length });
      const asked = guidance.active && !unguided.includes(index);
      const { values_RlD, guided } = await rollout.forward(context, step, asked).finally(() => {
        context.values_BLC.dispose();
        context.known_BL.dispose();
      });
      expect([guided, values_RlD.shape[0]]).toEqual([asked, asked ? 2 * labels.length : labels.length]);
      hidden.push((await values_RlD.data<'float32'>()).slice());
      values_RlD.dispose();
    }
  } finally {
    rollout.dispose();
  }
  return hidden;
}

let channels = 0;
let length = 0;

function contextOf({ values, known }: Moment): Extract<Context, { reads: 'known' }> {
  const B = known.length;
  const marks = new Float32Array(B * length);
  for (const [row, positions] of known.entries()) for (const position of positions) marks[row * length + position] = 1;
  return {
    reads: 'known',
    values_BLC: tensorFrom(Float32Array.from(values), [B, length, channels]) as Tensor3D,
    known_BL: tensorFrom(marks, [B, length]) as Tensor2D,
  };
}

function stepOf({ known, predicted }: Moment, place: Pick<Step, 'index' | 'of'>): Step {
  const before = length - known[0]!.length;
  return {
    ...place,
    before,
    after: before - predicted[0]!.length,
    positions_Bl: Int32Array.from(predicted.flat()),
  };
}

/** The recorded steps: tokens come from the end of the official order. */
function recordedMoments({ recorded }: TinyMasked): Moment[] {
  const [B] = recorded.shape('rand.orders') as [number];
  const sizes = (JSON.parse(recorded.metadata['steps']!) as { n_pred: number }[]).map(({ n_pred }) => n_pred / B);
  const orders = Array.from({ length: B }, (_, row) =>
    [...recorded.numbers('rand.orders').subarray(row * length, (row + 1) * length)].reverse(),
  );
  let done = 0;
  return sizes.map((size, step) => {
    const part = (from: number, to: number) => orders.map((order) => order.slice(from, to).sort((a, b) => a - b));
    const moment = {
      values: recorded.numbers(`out.tokens_in.${step}`),
      known: part(0, done),
      predicted: part(done, done + size),
    };
    done += size;
    return moment;
  });
}

describe.each(['eager', 'onnx'] as const)('rollout on %s', (target) => {
  let engine: Engine;
  beforeAll(() => void (engine = createEngine({ target, threads: 1 })));
  afterAll(() => engine.dispose());

  /** Works with a recorded model; no tensor outlives it. */
  async function onTiny(name: string, work: (tiny: TinyMasked, backbone: BoundBackbone) => Promise<void>) {
    const before = tf.memory().numTensors;
    const tiny = openTinyMasked(name);
    ({ channels, length } = tiny);
    const file = JSON.parse(tiny.recorded.metadata['config']!).weights_mar.replace('.safetensors', '');
    const weights = goldenWeights(readGolden(file));
    const backbone = buildBackbone({ plugin: maskedEncoderDecoder, config: tiny.model.config }, tiny.model.dims, {
      engine,
      weights,
    });
    await work(tiny, backbone);
    backbone.dispose();
    weights.dispose();
    tiny.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }

  const slow = target === 'onnx' ? ['mar_tiny_sample_cfg1', 'mar_tiny_sample_cfg3_linear_T0.9'] : [];
  it.each([...slow, 'mar_tiny_patch2_sample'])('gives the hidden states recorded at every step of %s', async (name) => {
    await onTiny(name, async (tiny, backbone) => {
      const guidance = name.endsWith('cfg1') ? noGuidance : constantGuidance(2);
      const labels = [...tiny.recorded.numbers('in.label')];
      const hidden = await roll(backbone, { labels, guidance }, recordedMoments(tiny));
      for (const [step, values] of hidden.entries()) {
        expect(furthest(values, tiny.recorded.numbers(`out.z_pred.${step}`))).toBeLessThan(1e-5);
      }
    });
  });

  it('takes -1 for the null class, as guidance does', async () => {
    await onTiny('mar_tiny_patch2_sample', async (tiny, backbone) => {
      const moments = recordedMoments(tiny);
      const guided = await roll(backbone, { labels: [1, 2], guidance: constantGuidance(2) }, moments);
      const nulls = await roll(backbone, { labels: [-1, -1], guidance: noGuidance }, moments);
      for (const [step, values] of guided.entries()) {
        expect(furthest(values.subarray(values.length / 2), nulls[step]!)).toBeLessThan(1e-5);
      }
    });
  });

  it('leaves the null class out of single steps, and nothing else', async () => {
    await onTiny('mar_tiny_patch2_sample', async (tiny, backbone) => {
      const moments = recordedMoments(tiny);
      const request = { labels: [1, 2], guidance: constantGuidance(2) };
      expect(moments.length).toBeGreaterThan(2);
      const guided = await roll(backbone, request, moments);
      const late = await roll(backbone, { ...request, unguided: [0, 2] }, moments);
      for (const [step, values] of late.entries()) {
        const isHalf = step === 0 || step === 2;
        const expected = isHalf ? guided[step]!.subarray(0, guided[step]!.length / 2) : guided[step]!;
        expect(furthest(values, expected)).toBeLessThanOrEqual(target === 'onnx' ? 0 : 1e-5);
      }
    });
  });

  it('refuses labels, contexts and masks that do not fit', async () => {
    await onTiny('mar_tiny_patch2_sample', async (tiny, backbone) => {
      const [first] = recordedMoments(tiny);
      const request = { labels: [0, 1], guidance: noGuidance };
      const uneven = { ...first!, known: [[0], []] };
      await expect(roll(backbone, request, [uneven])).rejects.toThrow('1, 0 known tokens in the rows of step 0');
      const wrong = roll(backbone, { ...request, labels: [10, 0] }, [first!]);
      await expect(wrong).rejects.toThrow('label 10; expected a label from 0 to 9');
      const rollout = await backbone.openRollout([{ seed: 0, condition: classOf(0) }], noGuidance);
      const estimate = rollout.forward(
        { reads: 'estimate', values_BlC: null },
        stepOf(first!, { index: 0, of: 1 }),
        false,
      );
      await expect(estimate).rejects.toThrow("a context of 'estimate' at step 0; expected the known tokens");
      rollout.dispose();
    });
  });
});

describe('a batch', () => {
  it.each([
    ['unguided', noGuidance],
    ['guided', constantGuidance(2)],
  ] as const)('%s gives every row the bytes that it has alone, in one program', async (_, guidance) => {
    const engine = createEngine({ target: 'onnx', threads: 2 });
    const tiny = openTinyMasked('mar_tiny_sample_cfg1');
    ({ channels, length } = tiny);
    const backbone = buildBackbone({ plugin: maskedEncoderDecoder, config: tiny.model.config }, tiny.model.dims, {
      engine,
      weights: tiny.weights,
    });
    const labels = [0, 3, -1, 5, 9, 3, 7, 1];
    const moments = momentsOf(labels.length, [0, 1, 20, 63]);
    const together = await roll(backbone, { labels, guidance }, moments);
    for (const [row, label] of labels.entries()) {
      const alone = await roll(
        backbone,
        { labels: [label], guidance },
        moments.map((moment) => rowOf(moment, row)),
      );
      for (const [step, values] of alone.entries()) {
        const rows = guidance.active ? [row, labels.length + row] : [row];
        const size = values.length / rows.length;
        const own = rows.flatMap((at) => [...together[step]!.subarray(at * size, (at + 1) * size)]);
        expect(furthest(values, own)).toBe(0);
      }
    }
    expect(engine.profile()).toMatchObject([
      { name: 'masked.step', sessions: 1 },
      { name: 'condition.masked-encoder-decoder', sessions: 1 },
    ]);
    backbone.dispose();
    tiny.dispose();
    engine.dispose();
  });
});

/** Steps of made-up images, each after so many known tokens; row r knows multiples of a number of its own. */
function momentsOf(batch: number, counts: readonly number[]): Moment[] {
  const orders = Array.from({ length: batch }, (_, row) =>
    Array.from({ length }, (_, place) => (place * (2 * row + 5) + row) % length),
  );
  const values = Float32Array.from({ length: batch * length * channels }, (_, i) => Math.sin(12.9898 * (i + 1)));
  return counts.map((count) => ({
    values,
    known: orders.map((order) => order.slice(0, count).sort((a, b) => a - b)),
    predicted: orders.map((order) => order.slice(count, count + 3).sort((a, b) => a - b)),
  }));
}

function rowOf({ values, known, predicted }: Moment, row: number): Moment {
  const size = length * channels;
  return {
    values: Array.from(values).slice(row * size, (row + 1) * size),
    known: [known[row]!],
    predicted: [predicted[row]!],
  };
}
