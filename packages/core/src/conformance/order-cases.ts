import * as tf from '@tensorflow/tfjs';
import { keyedRng } from '@tessera/engine';
import { buildGuarded } from '../build-parts.ts';
import type { Kept, Order } from '../contracts.ts';
import { guardOrder } from '../guard/guard-order.ts';
import type { OrderPlugin } from '../plugin.ts';
import type { Step } from '../step.ts';
import type { Layout } from '../tokens.ts';
import { numbersOf } from './bench.ts';
import { caseOf, type Case, type Property } from './case.ts';
import { oneMap, twoMaps, type Trial } from './options.ts';

interface Opened {
  readonly order: Order;
  readonly layout: Layout;
  readonly options: unknown;
}

/** An order alone: nothing of it runs on an engine. */
export function orderCases(plugin: OrderPlugin, trial: Trial): Case[] {
  const layout = trial.layout ?? (plugin.stride === 'scale' ? twoMaps : oneMap);
  const of = (property: Property, check: (opened: Opened) => string | null): Case =>
    caseOf({ plugin, property, on: null }, async () => {
      const order = buildGuarded(
        plugin,
        () => plugin.build(plugin.config.parse(trial.config, plugin.name)),
        guardOrder,
      );
      return check({ order, layout, options: plugin.options(layout).parse(trial.options, plugin.name) });
    });
  return [
    of('coverage', (opened) => {
      walk(opened, [1, 2]);
      return unvisited(opened);
    }),
    of('determinism', (opened) => {
      const [once, again] = [walk(opened, [4, 5]), walk(opened, [4, 5])];
      return String(written(once)) === String(written(again)) ? null : 'other steps for the same seeds';
    }),
    of('batch', (opened) => {
      const [together, alone] = [walk(opened, [4, 5]), walk(opened, [5])];
      const second = together.map(({ positions_Bl: all }) => all.subarray(all.length / 2));
      return String(second) === String(written(alone)) ? null : 'another order for an image alone';
    }),
    of('kept', (opened) => (plugin.stride === 'set' ? remade(opened) : null)),
    of('dispose', ({ order }) => {
      const plan = order.open(layout, request({ order, layout, options: {} }, [1]));
      plan.dispose();
      plan.dispose();
      return null;
    }),
  ];
}

const written = (steps: readonly Step[]): Int32Array[] => steps.map(({ positions_Bl }) => positions_Bl);

function request({ options }: Opened, seeds: readonly number[], kept: Kept | null = null) {
  return { rows: seeds.map((seed) => ({ seed, label: 0 })), options, kept, rng: keyedRng(seeds) };
}

/** All steps, which the guard checks; of orders that choose, what they choose by made-up confidence. */
function walk(opened: Opened, seeds: readonly number[], kept: Kept | null = null): Step[] {
  const plan = opened.order.open(opened.layout, request(opened, seeds, kept));
  const steps: Step[] = [];
  for (const step of plan.steps()) {
    const confidence_Bl = Float32Array.from(step.positions_Bl, (position, i) => {
      const row = Math.floor((i * seeds.length) / step.positions_Bl.length);
      return -numbersOf('confidence', opened.layout.length, seeds[row]!)[position]!;
    });
    steps.push(plan.choose?.(step, { confidence_Bl })?.step ?? step);
  }
  plan.dispose();
  return steps;
}

/** Orders by sets leave kept tokens out, and visit all others. */
function remade(opened: Opened): string | null {
  const { length } = opened.layout;
  const keep_L = Uint8Array.from({ length }, (_, position) => (position % 3 === 0 ? 1 : 0));
  const values_BLC = tf.zeros<tf.Rank.R3>([1, length, 1]);
  const steps = walk(opened, [1], { values_BLC, keep_L });
  values_BLC.dispose();
  const visited = steps.flatMap(({ positions_Bl }) => [...positions_Bl]);
  const again = visited.find((position) => keep_L[position]);
  if (again !== undefined) return `the kept position ${again} made again`;
  const missing = keep_L.filter((keep) => keep === 0).length;
  return visited.length === missing ? null : `${visited.length} of ${missing} tokens that were not kept`;
}

/** What training sees. That it is a permutation, and where steps may begin, the guard checks. */
function unvisited({ order, layout }: Opened): string | null {
  const key_L = numbersOf('visit', layout.length).map((value) => Math.abs(value) % 1);
  order.stops(layout);
  const [once, again] = [order.visit(layout, key_L), order.visit(layout, key_L)];
  return String(once) === String(again) ? null : 'another training order for the same keys';
}
