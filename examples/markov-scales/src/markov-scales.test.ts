import { allPositions, classOf, keyedRng, type Kept, type Layout } from '@tessera/plugin-kit';
import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { markovBackbone } from './markov-backbone.ts';
import { maskedScalesOrder } from './masked-scales-order.ts';

const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('markovBackbone', () => {
  for (const { name, run } of cases(markovBackbone, settings[markovBackbone.name])) it(name, run);
});

const layout: Layout = {
  length: 5,
  scales: [
    { start: 0, height: 1, width: 1 },
    { start: 1, height: 2, width: 2 },
  ],
};

/** What each step keeps where a head is the surer of a token the higher its position. */
function kept(given: object, held: Kept | null = null): number[][] {
  const options = maskedScalesOrder.options(layout).parse({ choiceTemperature: 0, ...given }, 'test');
  const request = { rows: [{ seed: 1, condition: classOf(0) }], kept: held, rng: keyedRng([1]), options };
  const plan = maskedScalesOrder.build({}).open(layout, request);
  const chosen: number[][] = [];
  for (const step of plan.steps()) {
    const confidence_Bl = Float32Array.from(step.positions_Bl);
    chosen.push([...plan.choose!(step, { confidence_Bl }).step.positions_Bl]);
  }
  return chosen;
}

describe('maskedScalesOrder', () => {
  for (const { name, run } of cases(maskedScalesOrder, settings[maskedScalesOrder.name])) it(name, run);

  it('draws each scale in as many steps as are asked for, the surest tokens first', () => {
    expect(kept({ refinements: 1 })).toEqual([[0], [1, 2, 3, 4]]);
    expect(kept({})).toEqual([[0], [3, 4], [1, 2]]);
    expect(kept({ refinements: 64 })).toEqual([[0], [4], [3], [2], [1]]);
  });

  it('leaves kept tokens out, and a scale that is kept whole', () => {
    const keep_L = Uint8Array.from(allPositions(layout), (position) => (position < 3 ? 1 : 0));
    const values_BLC = tf.zeros([1, 5, 1]) as Tensor3D;
    expect(kept({}, { values_BLC, keep_L })).toEqual([[4], [3]]);
    values_BLC.dispose();
  });
});
