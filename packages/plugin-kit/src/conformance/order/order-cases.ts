import { keyedRng } from '@tessera/engine';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { classOf, type Layout, type Order, type OrderPlugin } from '@tessera/core';
import { oneMap, threeMaps, type Trial, twoMaps, wideMap } from '../options.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { unequal } from '../compare.ts';
import { idleOption } from '../tried-values.ts';
import { keysOf, otherWay } from './visited.ts';
import { walk, withKept, written, type OpenedOrder } from './walk.ts';

/** An order alone, on some layouts: nothing of it runs on an engine. */
export function orderCases(plugin: OrderPlugin, trial: Trial): Case[] {
  const usual = plugin.stride === 'scale' ? [twoMaps, threeMaps] : [oneMap, wideMap, threeMaps];
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
    each('coverage', (opened) => holed(opened, seed)),
    each('determinism', (opened) => unsteady(opened, seed)),
    each('batch', (opened) => unlikeAlone(opened, seed)),
    each('kept', (opened) => remade(opened, { set: plugin.stride === 'set', seed })),
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
  return String(once) === String(all()) ? null : 'other steps for the same seeds';
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
        const visited = walk(opened, [seed], kept).flatMap(({ step }) => [...step.positions_Bl]);
        const again = visited.find((position) => kept.keep_L[position]);
        if (set && again !== undefined) return `the kept position ${again} made again`;
        const due = set ? kept.keep_L.filter((keep) => keep === 0).length : L;
        if (visited.length !== due) return `${visited.length} of ${due} tokens, some of them kept`;
        if (kept.keep_L.includes(1)) return null;
        const plain = walk(opened, [seed]).flatMap(({ step }) => [...step.positions_Bl]);
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

/** Where confidence is ignored, half of the images pass; where it is heard, nearly all. By Hoeffding's bound, both are told apart but once in 10^10. */
function unsure(opened: OpenedOrder, seed: number): string | null {
  let [surer, judged] = [0, 0];
  for (let image = 0; image < IMAGES; image++) {
    const [first] = walk(opened, [seed + image]);
    const mean = (stays: boolean): number => {
      const some = first!.offered.filter((one) => one.stays === stays);
      return some.reduce((sum, { confidence }) => sum + confidence, 0) / some.length;
    };
    if (first!.offered.every(({ stays }) => stays)) continue;
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

/** Under every value the guard sees whole steps; kept tokens stay, and training goes the same way. */
async function idle(plugin: OrderPlugin, { trial, layouts }: Ground): Promise<string | null> {
  for (const layout of layouts) {
    const schema = plugin.options(layout);
    const found = await idleOption({ schema, trial, who: plugin.name }, async ({ options }) => {
      const opened = { order: build(plugin, trial), layout, options };
      const wrong = remade(opened, { set: plugin.stride === 'set', seed: trial.seed }) ?? otherWay(opened);
      if (wrong !== null) throw new Error(wrong);
      return [0, 1, 2, 3].flatMap((round) =>
        walk(opened, [round, round + 10]).flatMap(({ step }) => [step.index, ...step.positions_Bl]),
      );
    });
    if (found !== null) return found;
  }
  return null;
}
