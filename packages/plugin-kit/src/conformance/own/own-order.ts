import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { classOf, type Kept, type Layout, type OrderPlugin } from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { record, schema, type FieldType } from '@tessera/schema';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import type { Check } from '../case.ts';
import type { Trial } from '../options.ts';
import { common } from './given.ts';

const { object, integer, list, number, optional, refine } = schema;
const side = integer({ min: 1, max: 64 });

/** These maps in, these positions out, step by step. */
export const ownOrder = object({
  name: common.name,
  /** [height, width] of each map of tokens, coarse to fine. */
  maps: list(
    refine(list(side), (size) => (size.length === 2 ? null : '[height, width]')),
    { min: 1 },
  ),
  /** Of the image. */
  seed: optional(integer({ min: 0 }), 1),
  options: optional(record, {}),
  /** 1 where a given token stays, for each position. */
  keep: optional(list(integer({ min: 0, max: 1 })), undefined),
  /** Positions of each step. */
  steps: optional(list(list(integer({ min: 0 }))), undefined),
  /** For training: random numbers, one a position, and the order in which the positions come. */
  visit: optional(object({ keys: list(number({ min: 0, max: 1 })), positions: list(integer({ min: 0 })) }), undefined),
});

export function orderCheck(plugin: OrderPlugin, trial: Trial, own: FieldType<typeof ownOrder>): Check {
  return async () => {
    const layout = layoutOf(own.maps);
    const options = plugin.options(layout).parse({ ...trial.options, ...own.options }, plugin.name);
    const order = guardPlugin(plugin).build(plugin.config.parse(trial.config, plugin.name));
    if (own.visit) {
      const came = [...order.visit(layout, Float32Array.from(own.visit.keys))];
      const due = own.visit.positions;
      if (String(came) !== String(due)) return `visit() of [${came.join(', ')}], where [${due.join(', ')}] is due`;
    }
    if (!own.steps) return own.visit ? null : 'neither steps nor visit: nothing is said that could be wrong';
    const kept = keptOf(own.keep, layout);
    try {
      const rows = [{ seed: own.seed, condition: classOf(0) }];
      const plan = order.open(layout, { rows, options, kept, rng: keyedRng([own.seed]) });
      const steps = [...plan.steps()].map(({ positions_Bl }) => [...positions_Bl]);
      plan.dispose();
      const [found, due] = [JSON.stringify(steps), JSON.stringify(own.steps)];
      return found === due ? null : `the steps ${found}, where ${due} are due`;
    } finally {
      kept?.values_BLC.dispose();
    }
  };
}

function layoutOf(maps: readonly (readonly number[])[]): Layout {
  let length = 0;
  const scales = maps.map(([height, width]) => {
    const start = length;
    length += height! * width!;
    return { start, height: height!, width: width! };
  });
  return { length, scales };
}

function keptOf(keep: readonly number[] | undefined, { length }: Layout): Kept | null {
  if (keep === undefined) return null;
  if (keep.length !== length) throw new Error(`keep of ${keep.length} positions, of which there are ${length}`);
  return { values_BLC: tf.zeros([1, length, 1]) as Tensor3D, keep_L: Uint8Array.from(keep) };
}
