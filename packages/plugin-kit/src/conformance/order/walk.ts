import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { keyedRng } from '@tessera/engine';
import type { Kept, Layout, Order, Step } from '@tessera/core';
import { numbersOf } from '../bench.ts';
import { classOf } from '@tessera/core';

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
export interface Offered {
  readonly confidence: number;
  readonly stays: boolean;
}

/** All steps, which the guard checks; of orders that choose, what they choose by made-up confidence. */
export function walk(opened: OpenedOrder, seeds: readonly number[], kept: Kept | null = null): Walked[] {
  const { order, layout, options } = opened;
  const rows = seeds.map((seed) => ({ seed, condition: classOf(0) }));
  const plan = order.open(layout, { rows, options, kept, rng: keyedRng(seeds) });
  const steps: Walked[] = [];
  for (const step of plan.steps()) {
    const confidence_Bl = confidenceOf(step, { layout, seeds });
    const chosen = plan.choose?.(step, { confidence_Bl });
    const stays = new Set(chosen?.slots_Bl);
    const offered = chosen ? Array.from(confidence_Bl, (confidence, i) => ({ confidence, stays: stays.has(i) })) : [];
    steps.push({ step: chosen?.step ?? step, offered });
  }
  plan.dispose();
  return steps;
}

/** Far apart, so that chance has little say beside it. A token is as sure in a batch as alone. */
function confidenceOf({ positions_Bl }: Step, { layout, seeds }: { layout: Layout; seeds: readonly number[] }) {
  const l = positions_Bl.length / seeds.length;
  const own = seeds.map((seed) => numbersOf('confidence', layout.length, seed));
  return Float32Array.from(positions_Bl, (position, i) => 20 * own[Math.floor(i / l)]![position]!);
}

/** Positions of each step. */
export const written = (steps: readonly Walked[]): Int32Array[] => steps.map(({ step }) => step.positions_Bl);

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
