import { classOf, scaleAt, type Layout, type Order, type OrderPlugin } from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { numbersOf } from '../bench.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { unequal } from '../compare.ts';
import { oneMap, threeMaps, twoMaps, wideMap, type Trial } from '../options.ts';
import { idleOption } from '../tried-values.ts';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { besides, walk, walking, withKept, written, type OpenedOrder } from './walk.ts';

/** An order alone, on some layouts: nothing of it runs on an engine. */
export function orderCases(plugin: OrderPlugin, trial: Trial): Case[] {
  const usual = ['scale', 'part'].includes(plugin.stride) ? [twoMaps, threeMaps] : [oneMap, wideMap, threeMaps];
  const layouts = trial.layout ? [trial.layout] : usual;
  const seed = 100 * trial.seed;
  const each = (property: Property, check: (opened: OpenedOrder) => string | null): Case =>
    caseOf({ plugin, property, on: null, limit: trial.limit }, async () => {
      for (const layout of layouts) {
        const options = plugin.options(layout).parse(trial.options, plugin.name);
        const found = check({ order: build(plugin, trial), layout, options });
        if (found !== null) return found;
      }
      return null;
    });
  return [
    each('coverage', (opened) => holed(opened, seed) ?? (plugin.stride === 'part' ? unfinished(opened, seed) : null)),
    each('determinism', (opened) => unsteady(opened, seed)),
    each('batch', (opened) => unlikeAlone(opened, seed)),
    each('kept', (opened) => remade(opened, { set: leavesKept(plugin), seed })),
    each('visit', otherWay),
    ...(plugin.needsConfidence ? [each('confidence', (opened) => unsure(opened, seed))] : []),
    caseOf({ plugin, property: 'options', on: null, limit: trial.limit }, () => idle(plugin, { trial, layouts })),
    each('dispose', ({ order, layout, options }) => {
      const plan = order.open(layout, {
        rows: [{ seed, condition: classOf(0) }],
        options,
        kept: null,
        rng: keyedRng([seed]),
      });
      plan.dispose();
      plan.dispose();
      return null;
    }),
  ];
}

/** Whether kept tokens come in no step. */
const leavesKept = ({ stride }: OrderPlugin): boolean => stride === 'set' || stride === 'part';

function build(plugin: OrderPlugin, { config }: Trial): Order {
  return guardPlugin(plugin).build(plugin.config.parse(config, plugin.name));
}

/** Steps begin where training may begin them; that everything comes once, in training too, the guard checks. */
function holed(opened: OpenedOrder, seed: number): string | null {
  const { order, layout } = opened;
  const stops = order.stops(layout);
  order.visit(layout, keysOf(layout.length, seed));
  const off = walk(opened, [seed, seed + 1])
    .map(({ step }) => layout.length - step.before)
    .find((start) => stops !== null && !stops.includes(start));
  return off === undefined ? null : `a step after ${off} tokens, which stops() leaves out`;
}

/** Each step lies in one scale, after all of the coarser ones, also where tokens are kept. */
function unfinished(opened: OpenedOrder, seed: number): string | null {
  const scaleOf = (position: number): number => scaleAt(opened.layout, position);
  const wrong = (steps: ReturnType<typeof walk>): string | null => {
    let scale = 0;
    for (const { step } of steps) {
      const own = new Set(Array.from(step.positions_Bl, scaleOf));
      if (own.size > 1) return `step ${step.index} with tokens of ${own.size} scales`;
      if ([...own][0]! < scale) return `step ${step.index} of a scale that is coarser than the one before`;
      scale = [...own][0]!;
    }
    return null;
  };
  const masked = (position: number): boolean => position % 3 === 0;
  return wrong(walk(opened, [seed])) ?? withKept(opened, masked, (kept) => wrong(walk(opened, [seed], kept)));
}

/** The same again, in sampling and in training, with another request between. */
function unsteady(opened: OpenedOrder, seed: number): string | null {
  const { order, layout } = opened;
  const key_L = keysOf(layout.length, seed);
  const all = () => [
    String(written(walk(opened, [seed, seed + 1]))),
    String(order.visit(layout, key_L)),
    String(order.stops(layout)),
  ];
  const once = all();
  walk(opened, [seed + 2]);
  order.visit(layout, keysOf(layout.length, seed + 1));
  if (String(once) !== String(all())) return 'other steps for the same seeds';
  const [own] = besides(walking(opened, [seed, seed + 1]), walking(opened, [seed + 2]));
  if (String(written(own)) === once[0]) return null;
  return 'other steps for the same seeds while another generation is under way: keep what changes in the plan, not in the order';
}

/** The same for an image alone as for the second of three, also where tokens are kept. */
function unlikeAlone(opened: OpenedOrder, seed: number): string | null {
  const second = (all: Int32Array): Int32Array => all.subarray(all.length / 3, (2 * all.length) / 3);
  const differ = (kept: Parameters<typeof walk>[2]): boolean => {
    const together = written(walk(opened, [seed, seed + 1, seed + 2], kept)).map(second);
    return String(together) !== String(written(walk(opened, [seed + 1], kept)));
  };
  if (differ(null)) return 'another order for an image alone';
  const keptToo = withKept(opened, (position) => position % 3 === 0, differ);
  return keptToo ? 'another order for an image alone of which tokens are kept' : null;
}

/** What is kept: single tokens, the first half, all but one, nothing. */
const MASKS: readonly ((position: number, length: number) => boolean)[] = [
  (position) => position % 3 === 0,
  (position) => position % 2 === 1,
  (position, length) => position < length / 2,
  (position, length) => position !== length - 1,
  () => false,
];

/** Orders by sets leave kept tokens out, and visit all others; the others visit all. */
function remade(opened: OpenedOrder, { set, seed }: { readonly set: boolean; readonly seed: number }): string | null {
  const L = opened.layout.length;
  for (const mask of MASKS) {
    const found = withKept(
      opened,
      (position) => mask(position, L),
      (kept) => {
        // The guard sees that none comes twice, but for those that are drawn again.
        const visited = [...new Set(walk(opened, [seed], kept).flatMap(({ step }) => [...step.positions_Bl]))];
        const again = visited.find((position) => kept.keep_L[position]);
        if (set && again !== undefined) return `the kept position ${again} made again`;
        const due = set ? kept.keep_L.filter((keep) => keep === 0).length : L;
        if (visited.length !== due) return `${visited.length} of ${due} tokens, some of them kept`;
        if (kept.keep_L.includes(1)) return null;
        const plain = [...new Set(walk(opened, [seed]).flatMap(({ step }) => [...step.positions_Bl]))];
        return unequal('', plain, visited) === null ? null : 'another order where a mask keeps nothing';
      },
    );
    if (found !== null) return found;
  }
  return null;
}

/** Images by which choices are judged, and the share of them in which what stays must be surer than what does not. */
const IMAGES = 256;
const SURER = 0.75;

/** Where confidence is ignored, half of the images pass; where it decides, nearly all. By Hoeffding's bound, the share confuses the two less than once in 10^10. */
function unsure(opened: OpenedOrder, seed: number): string | null {
  let [surer, judged] = [0, 0];
  for (let image = 0; image < IMAGES; image++) {
    const choosing = walk(opened, [seed + image]).find(({ offered }) => offered.some(({ stays }) => !stays));
    if (choosing === undefined) continue;
    const mean = (stays: boolean): number => {
      const some = choosing.offered.filter((one) => one.stays === stays);
      return some.reduce((sum, { confidence }) => sum + confidence, 0) / some.length;
    };
    judged++;
    if (mean(true) > mean(false)) surer++;
  }
  const share = surer / judged;
  return judged === 0 || share >= SURER
    ? null
    : `tokens that stay surer than the others in ${Math.round(100 * share)}%`;
}

interface Ground {
  readonly trial: Trial;
  readonly layouts: readonly Layout[];
}

/** Under every value of an option the guard checks all steps, kept tokens stay, and training visits in the same order. */
async function idle(plugin: OrderPlugin, { trial, layouts }: Ground): Promise<string | null> {
  for (const layout of layouts) {
    const schema = plugin.options(layout);
    const found = await idleOption({ schema, trial, who: plugin.name }, async ({ name, options }) => {
      const opened = { order: build(plugin, trial), layout, options };
      const departs = Boolean(trial.departs[name]);
      const kept = remade(opened, { set: leavesKept(plugin), seed: trial.seed });
      const wrong = kept ?? (departs ? null : otherWay(opened));
      if (wrong !== null) throw new Error(wrong);
      return [0, 1, 2, 3].flatMap((round) =>
        walk(opened, [round, round + 10]).flatMap(({ step }) => [step.index, ...step.positions_Bl]),
      );
    });
    if (found !== null) return found;
  }
  return null;
}

/**
 * Orders of training and of sampling that are compared. A share of them strays by less than 0.3 but for once in 10^9
 * comparisons (Hoeffding: exp(-256 * 0.3^2)), of which two maps have some hundred.
 */
const ROUNDS = 256;
const STRAY = 0.3;

/** Keys of training, [L] in [0, 1). */
function keysOf(length: number, round: number): Float32Array {
  return numbersOf('visit', length, round).map((value) => Math.abs(value * 1000) % 1);
}

/**
 * Training and sampling agree on the order: wherever sampling writes p in a step before q, training has p before q at least
 * as often. Within a step nothing is before the other, so that any order of training agrees.
 */
function otherWay(opened: OpenedOrder): string | null {
  const L = opened.layout.length;
  const [sampled, taught] = [new Float32Array(L * L), new Float32Array(L * L)];
  for (let round = 0; round < ROUNDS; round++) {
    count(sampled, placesSampled(opened, round));
    count(taught, placesTaught(opened, round));
  }
  for (let pair = 0; pair < L * L; pair++) {
    if (sampled[pair]! - taught[pair]! <= STRAY) continue;
    const [p, q] = [Math.floor(pair / L), pair % L];
    const percent = (share: number): string => `${Math.round(100 * share)}%`;
    return `position ${p} before ${q} in ${percent(sampled[pair]!)} of the images that are sampled, and ${percent(taught[pair]!)} of those that are taught`;
  }
  return null;
}

/** Adds to the share in which p comes before q. */
function count(share_LL: Float32Array, place_L: readonly number[]): void {
  for (const [p, first] of place_L.entries())
    for (const [q, second] of place_L.entries()) if (first < second) share_LL[p * place_L.length + q]! += 1 / ROUNDS;
}

/** The step in which each position comes first. */
function placesSampled(opened: OpenedOrder, round: number): number[] {
  const places: number[] = [];
  for (const { step } of walk(opened, [round]))
    for (const position of step.positions_Bl) places[position] ??= step.index;
  return places;
}

function placesTaught({ order, layout }: OpenedOrder, round: number): number[] {
  const places: number[] = [];
  for (const [place, position] of order.visit(layout, keysOf(layout.length, round)).entries()) places[position] = place;
  return places;
}
