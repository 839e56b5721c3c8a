import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { classOf, type Kept, type Layout, type Order, type Step } from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { numbersOf } from '../bench.ts';

/** An order with what it is tried on. */
export interface OpenedOrder {
  readonly order: Order;
  readonly layout: Layout;
  /** Parsed by its schema. */
  readonly options: unknown;
}

export interface Walked {
  readonly step: Step;
  /** Of what orders by confidence chose among; else empty. */
  readonly offered: readonly Offered[];
}

/** A token that was sampled: how sure a head was of it, and whether it stays. */
interface Offered {
  readonly confidence: number;
  readonly stays: boolean;
}

/** All steps, which the guard checks; of orders that choose, what they choose by synthetic confidence. */
export function walk(opened: OpenedOrder, seeds: readonly number[], kept: Kept | null = null): Walked[] {
  return [...walking(opened, seeds, kept)];
}

/** The same step by step. */
export function* walking(
  { order, layout, options }: OpenedOrder,
  seeds: readonly number[],
  kept: Kept | null = null,
): Generator<Walked> {
  const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
  const plan = order.open(layout, { rows, options, kept, rng: keyedRng(seeds) });
  try {
    for (const step of plan.steps()) {
      const confidence_Bl = confidenceOf(step, { layout, seeds });
      const chosen = plan.choose?.(step, { confidence_Bl });
      const stays = new Set(chosen?.slots_Bl);
      const offered = chosen ? Array.from(confidence_Bl, (confidence, i) => ({ confidence, stays: stays.has(i) })) : [];
      yield { step: chosen?.step ?? step, offered };
    }
  } finally {
    plan.dispose();
  }
}

/** The steps of two generations that go on at the same time, each in its turn. */
export function besides(a: Generator<Walked>, b: Generator<Walked>): [Walked[], Walked[]] {
  const both: [Walked[], Walked[]] = [[], []];
  const open = new Set([0, 1]);
  while (open.size > 0) {
    for (const which of open) {
      const next = [a, b][which]!.next();
      if (next.done) open.delete(which);
      else both[which]!.push(next.value);
    }
  }
  return both;
}

/** Far apart, so that noise hardly changes the choice. A token's confidence is the same in a batch as alone. */
function confidenceOf({ positions_Bl }: Step, { layout, seeds }: { layout: Layout; seeds: readonly number[] }) {
  const l = positions_Bl.length / seeds.length;
  const own = seeds.map((seed) => numbersOf('confidence', layout.length, seed));
  return Float32Array.from(positions_Bl, (position, i) => 20 * own[Math.floor(i / l)]![position]!);
}

/** Positions of each step, and those that are drawn again. */
export const written = (steps: readonly Walked[]): Int32Array[] =>
  steps.flatMap(({ step: { positions_Bl, again_Ba } }) => [positions_Bl, ...(again_Ba ? [again_Ba] : [])]);

/** Runs with some tokens kept: 1 where `keeps` says so. */
export function withKept<T>({ layout }: OpenedOrder, keeps: (position: number) => boolean, run: (kept: Kept) => T): T {
  const keep_L = Uint8Array.from({ length: layout.length }, (_, position) => (keeps(position) ? 1 : 0));
  const values_BLC = tf.zeros([1, layout.length, 1]) as Tensor3D;
  try {
    return run({ values_BLC, keep_L });
  } finally {
    values_BLC.dispose();
  }
}
