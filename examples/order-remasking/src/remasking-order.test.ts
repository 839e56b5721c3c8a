import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { allPositions, classOf, keyedRng, type Kept, type Layout } from '@tessera/plugin-kit';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { remaskingOrder } from './remasking-order.ts';

const layout: Layout = { length: 16, scales: [{ start: 0, height: 4, width: 4 }] };
const order = remaskingOrder.build(remaskingOrder.config.parse({}, 'test'));

/** Positions of each step of one image, of whose tokens the model is surer the later they lie. */
function walk(given: object, kept: Kept | null = null) {
  const options = remaskingOrder.options(layout).parse(given, 'test');
  const plan = order.open(layout, { rows: [{ seed: 1, condition: classOf(0) }], kept, rng: keyedRng([1]), options });
  const steps: { drawn: number[]; again: number[] }[] = [];
  for (const step of plan.steps()) {
    const chosen = plan.choose!(step, { confidence_Bl: Float32Array.from(step.positions_Bl) });
    steps.push({ drawn: [...chosen.step.positions_Bl], again: [...(step.again_Ba ?? [])] });
  }
  return steps;
}

const ascending = (positions: readonly number[]): number[] => [...positions].sort((a, b) => a - b);
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('remaskingOrder', () => {
  for (const { name, run } of cases(remaskingOrder, settings[remaskingOrder.name])) it(name, run);

  it('draws all tokens, and then those again of which the model was least sure', () => {
    const steps = walk({ steps: 4, rounds: 2, share: 0.25 });
    expect(ascending(steps.slice(0, 4).flatMap(({ drawn }) => drawn))).toEqual(allPositions(layout));
    expect(steps.slice(4)).toEqual(Array(2).fill({ drawn: [0, 1, 2, 3], again: [0, 1, 2, 3] }));
    expect(steps.slice(0, 4).flatMap(({ again }) => again)).toEqual([]);
  });

  it('is the order by confidence without rounds', () => {
    expect(walk({ steps: 4, rounds: 0 })).toEqual(walk({ steps: 4, rounds: 2 }).slice(0, 4));
  });

  it('leaves kept tokens as they are', () => {
    const keep_L = Uint8Array.from(allPositions(layout), (position) => (position < 12 ? 1 : 0));
    const kept = { values_BLC: tf.zeros([1, 16, 1]) as Tensor3D, keep_L };
    const steps = walk({ steps: 2, rounds: 2, share: 0.5 }, kept);
    expect(ascending(steps.slice(0, 2).flatMap(({ drawn }) => drawn))).toEqual([12, 13, 14, 15]);
    expect(steps.at(-1)).toEqual({ drawn: [12, 13], again: [12, 13] });
  });
});
