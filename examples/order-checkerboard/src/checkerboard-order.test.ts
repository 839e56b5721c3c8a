import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { allPositions, classOf, keyedRng, type Kept, type Layout } from '@tessera/plugin-kit';
import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { checkerboardOrder } from './checkerboard-order.ts';

const layout: Layout = { length: 16, scales: [{ start: 0, height: 4, width: 4 }] };
const order = checkerboardOrder.build(checkerboardOrder.config.parse({}, 'test'));
const even = [0, 2, 5, 7, 8, 10, 13, 15];

/** Positions of each step, of each row. */
function steps(seeds: readonly number[], given: object, kept: Kept | null = null): number[][][] {
  const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
  const options = checkerboardOrder.options(layout).parse(given, 'test');
  const plan = order.open(layout, { rows, kept, rng: keyedRng(seeds), options });
  return [...plan.steps()].map(({ positions_Bl }) => {
    const l = positions_Bl.length / seeds.length;
    return seeds.map((_, row) => [...positions_Bl.slice(row * l, (row + 1) * l)]);
  });
}

const ascending = (positions: readonly number[]): number[] => [...positions].sort((a, b) => a - b);

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

describe('checkerboardOrder', () => {
  for (const { name, run } of cases(checkerboardOrder, settings[checkerboardOrder.name])) it(name, run);

  it.each([2, 3, 6, 16])('writes every token once in %i steps, even cells first', (count) => {
    const made = steps([1, 2], { steps: count });
    expect(made).toHaveLength(count);
    for (const row of [0, 1]) {
      const came = made.map((step) => step[row]!);
      expect(came.every((set) => set.length > 0 && String(set) === String(ascending(set)))).toBe(true);
      expect(ascending(came.flat())).toEqual(allPositions(layout));
      expect(ascending(came.flat().slice(0, 8))).toEqual(even);
    }
  });

  it('gives a row its own order, alone or in a batch', () => {
    const both = steps([1, 2], { steps: 6 });
    expect(steps([2], { steps: 6 })).toEqual(both.map((step) => [step[1]]));
    expect(both.map((step) => step[0])).not.toEqual(both.map((step) => step[1]));
  });

  it('leaves kept tokens out, also where they are all of a colour', () => {
    const keep_L = Uint8Array.from(allPositions(layout), (position) => (even.includes(position) ? 1 : 0));
    const kept = { values_BLC: tf.zeros([1, 16, 1]) as Tensor3D, keep_L };
    const came = steps([1], { steps: 6 }, kept).flat(2);
    expect(ascending(came)).toEqual(allPositions(layout).filter((position) => !even.includes(position)));
  });

  it('teaches as it samples', () => {
    const visited = [
      ...order.visit(
        layout,
        Float32Array.from(allPositions(layout), (i) => ((i * 7) % 16) / 16),
      ),
    ];
    expect(ascending(visited)).toEqual(allPositions(layout));
    expect(ascending(visited.slice(0, 8))).toEqual(even);
  });
});
