import * as tf from '@tensorflow/tfjs';
import { type Engine, keyedRng, type Param, tensorFrom, type TraceRng } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { freshWeights } from '@tessera/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipeSchema } from '../recipe/recipe.ts';
import { buildTrained, partsOf } from '../run/recipe-parts.ts';
import { microMasked } from '../testing/micro.fixture.ts';
import { type MaskedBatch, maskedLoss } from './masked.ts';

let engine: Engine;
beforeAll(() => {
  engine = createEngine({ target: 'eager' });
});
afterAll(() => engine.dispose());

const LENGTH = 16;
const KNOWN = 5;

/** Noise that depends on the place alone, so that a shorter list begins like the end of a longer one. */
const rng: TraceRng = {
  uniform: (stream, shape) => tf.fill([...shape], stream === 'timestep' ? 0.3 : 0.9),
  normal: (_, shape) => tf.fill([...shape], 0.4),
};

function build() {
  const { model, tokenizer: stage, ...rest } = recipeSchema.parse(microMasked, 'micro');
  const { backbone } = model!;
  const still = { ...backbone, config: { ...(backbone.config as object), dropout: 0 } };
  const parts = partsOf({ ...rest, tokenizer: stage, model: { ...model!, backbone: still } });
  const tokenizer = parts.parts.tokenizer.plugin.build(parts.facts.configs.tokenizer, {
    engine,
    weights: freshWeights(1),
  });
  const weights = { backbone: freshWeights(2), head: freshWeights(3) };
  const built = buildTrained(engine, parts, { tokenizer, weights });
  shake([...weights.backbone.params, ...weights.head.params]);
  return { tokenizer, ...built };
}

/** A fresh head predicts zero, whatever it is given: no parameter stays as it started. */
function shake(params: readonly Param[]): void {
  for (const [position, { variable }] of params.entries()) {
    const values = keyedRng([9]).normal({ row: 0, stream: 'shake', step: 0, position }, variable.size);
    variable.assign(tf.mul(tf.tensor(values, variable.shape), 0.3));
  }
}

/** Two images whose orders differ, cut after the first five tokens. */
function batch(least: number, label = [0, 1]): MaskedBatch {
  const orders = [3, 5].map((stride) => Int32Array.from({ length: LENGTH }, (_, i) => (i * stride + 2) % LENGTH));
  const order_BL = orders.flatMap((order) => [...order]);
  const rank_BL = orders.flatMap((order) => [...order.keys()].map((position) => order.indexOf(position)));
  const moments = keyedRng([4]).normal({ row: 0, stream: 'moments', step: 0, position: 0 }, 2 * LENGTH * 4);
  const weights = Float32Array.from({ length: LENGTH - least }, (_, i) =>
    least + i < KNOWN ? 0 : 1 / (LENGTH - KNOWN),
  );
  return {
    moments: tensorFrom(moments, [2, 4, 4, 4]),
    label_B: tensorFrom(Int32Array.from(label), [2], 'int32'),
    order_BL: tensorFrom(Int32Array.from(order_BL), [2, LENGTH], 'int32'),
    rank_BL: tensorFrom(Int32Array.from(rank_BL), [2, LENGTH], 'int32'),
    known: tensorFrom(Int32Array.of(KNOWN), [], 'int32'),
    weight_l: tensorFrom(weights, [weights.length]),
  };
}

describe('masked loss', () => {
  const value = (given: MaskedBatch, cuts: { least: number; most: number }[]) =>
    tf.tidy(() => {
      const { loss, aux } = maskedLoss(build(), { labelDrop: 0.1, cuts })(given, rng);
      return [loss.dataSync()[0]!, aux.hidden.dataSync()[0]!] as const;
    });

  it('does not depend on the bounds of the program that computes it', () => {
    const [exact, hidden] = value(batch(KNOWN), [{ least: KNOWN, most: KNOWN }]);
    const [wide] = value(batch(0), [{ least: 0, most: 12 }]);
    const [narrow] = value(batch(4), [
      { least: 0, most: 3 },
      { least: 4, most: 7 },
    ]);
    expect(hidden).toBeCloseTo(11 / 16);
    expect(wide / exact).toBeCloseTo(1, 5);
    expect(narrow / exact).toBeCloseTo(1, 5);
    const [other] = value(batch(KNOWN, [1, 0]), [{ least: KNOWN, most: KNOWN }]);
    expect(Math.abs(other / exact - 1)).toBeGreaterThan(1e-4);
  });

  it('refuses weights that belong to no program', () => {
    const wrong = () => value(batch(2), [{ least: 0, most: 12 }]);
    expect(wrong).toThrowError(expect.objectContaining({ code: 'weights-length' }));
  });
});
