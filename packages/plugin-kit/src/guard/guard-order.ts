import {
  disposeAll,
  disposedAfter,
  type Chosen,
  type Kept,
  type Order,
  type OrderPlugin,
  type Plan,
  type Step,
} from '@tessera/core';
import { callPart, checkMembers, present, wrongShape, type PartCall } from './part-call.ts';
import { lentKept, lentStep } from './part-values.ts';

/** An order whose errors and answers name it. @throws TesseraError `part-shape` where it is not a whole order */
export function guardOrder(order: Order, { name, revisits = false }: Pick<OrderPlugin, 'name' | 'revisits'>): Order {
  checkMembers({ name, call: 'build()' }, order, ['open', 'visit', 'stops']);
  return present<Order>({
    open: (layout, request) => {
      const part = { name, call: 'open()', lent: [request.kept] };
      const plan = callPart(part, () => order.open(layout, { ...request, kept: lentKept(request.kept) }));
      checkMembers(part, plan, ['steps', 'dispose']);
      return guardPlan(plan, { name, revisits, length: layout.length, rows: request.rows.length, kept: request.kept });
    },
    visit: (layout, key_L) => {
      const part = { name, call: 'visit()' };
      const order_L = callPart(part, () => order.visit(layout, key_L.slice()));
      const whole = order_L instanceof Int32Array && order_L.length === layout.length;
      if (!whole) throw wrongShape(part, `${order_L?.length} positions`, `an Int32Array of ${layout.length}`);
      const once = new Set(order_L.filter((at) => at >= 0 && at < layout.length)).size === layout.length;
      if (!once) throw wrongShape(part, 'a position twice or outside', `0 to ${layout.length - 1}, each once`);
      return order_L;
    },
    stops: ({ length, ...rest }) => {
      const part = { name, call: 'stops()' };
      const stops = callPart(part, () => order.stops({ length, ...rest }));
      const ascend = stops?.every((stop, i) => Number.isInteger(stop) && stop < length && stop > (stops[i - 1] ?? -1));
      if (stops === null || (ascend && stops[0] === 0)) return stops;
      throw wrongShape(part, `stops ${String(stops)}`, `null, or integers that ascend from 0 and are below ${length}`);
    },
  });
}

interface PlanGuard {
  readonly name: string;
  /** Whether its steps may draw tokens again. */
  readonly revisits: boolean;
  /** Tokens of an image. */
  readonly length: number;
  readonly rows: number;
  /** Orders by sets leave these out. */
  readonly kept: Kept | null;
}

/** The steps of a plan so far. */
interface Walk extends PlanGuard {
  /** 1 where a token of [B, L] has been written. */
  readonly done: Uint8Array;
  last: Step | null;
}

/** A plan whose steps are whole: every token once, but for those that it says to draw again, in steps that agree with their own numbers. */
export function guardPlan(plan: Plan, guard: PlanGuard): Plan {
  const walk: Walk = { ...guard, done: new Uint8Array(guard.rows * guard.length), last: null };
  const { name } = guard;
  return present<Plan>({
    steps: () => guardSteps(plan, walk),
    choose:
      plan.choose &&
      ((step, sampled) => {
        const part = { name, call: 'choose()', lent: [sampled] };
        const chosen = callPart(part, () => plan.choose!(lentStep(step), sampled));
        checkChosen(part, chosen, { step, rows: guard.rows });
        checkPositions(part, chosen.step, walk);
        markDone(chosen.step, walk);
        return { step: lentStep(chosen.step), slots_Bl: chosen.slots_Bl.slice() };
      }),
    dispose: () => callPart({ name, call: 'dispose() of a plan' }, () => plan.dispose()),
  });
}

function* guardSteps(plan: Plan, walk: Walk): Generator<Step> {
  const part = { name: walk.name, call: 'steps()' };
  const steps = callPart(part, () => plan.steps()[Symbol.iterator]());
  // After an early end or an error; an error of `return` must not hide that one.
  const open = [{ dispose: () => void callPart(part, () => steps.return?.()) }];
  try {
    for (;;) {
      const next = callPart(part, () => steps.next());
      if (next.done) return checkEnd(part, walk);
      checkStep(part, next.value, { walk, chooses: plan.choose !== undefined });
      walk.last = lentStep(next.value);
      yield walk.last;
    }
  } catch (error) {
    throw disposedAfter(error, open.splice(0));
  } finally {
    disposeAll(open);
  }
}

function checkStep(part: PartCall, step: Step, { walk, chooses }: { walk: Walk; chooses: boolean }): void {
  const { rows, length, last } = walk;
  const { index, of, before, after, positions_Bl } = step ?? {};
  const count = positions_Bl?.length;
  if (!(positions_Bl instanceof Int32Array) || count === 0 || count % rows !== 0) {
    throw wrongShape(part, `a step of ${count} positions`, `an Int32Array, equally many for each of ${rows} rows`);
  }
  const [place, total] = [last ? last.index + 1 : 0, last ? last.of : of];
  if (index !== place || of !== total || !(index < of)) {
    throw wrongShape(part, `step ${index} of ${of}`, `step ${place} of ${total > place ? total : 'as many as come'}`);
  }
  const again = markAgain(part, step, walk);
  const [l, first] = [count / rows, missing(walk)];
  const follows = last ? before === last.after + again : before === length || before === first;
  // Of those that choose, a step offers all that is missing, or all that is missing of a scale.
  const agrees = chooses ? before - after <= l && l <= before && after >= 0 && after < before : before - after === l;
  if (!follows || !agrees) {
    const got = `step ${index} of ${l} tokens that says ${before} before and ${after} after`;
    throw wrongShape(part, got, `${last ? last.after + again : first} before, and what is then left after`);
  }
  checkPositions(part, step, walk);
  if (!chooses) markDone(step, walk);
}

/** Makes tokens missing again that a step draws again; how many of each row they are. */
function markAgain(part: PartCall, { index, again_Ba }: Step, { revisits, rows, length, done, kept }: Walk): number {
  if (again_Ba === undefined) return 0;
  if (!revisits) throw wrongShape(part, `again_Ba at step ${index}`, 'none, or a plug-in that says revisits');
  const a = again_Ba instanceof Int32Array ? again_Ba.length / rows : NaN;
  if (!Number.isInteger(a))
    throw wrongShape(
      part,
      `again_Ba of ${again_Ba?.length} positions`,
      `an Int32Array, equally many for each of ${rows} rows`,
    );
  const wrong = again_Ba.findIndex((at, i) => {
    const ascends = i % a === 0 || again_Ba[i - 1]! < at;
    return (
      !(at >= 0 && at < length) || !ascends || kept?.keep_L[at] === 1 || done[Math.floor(i / a) * length + at] !== 1
    );
  });
  if (wrong >= 0)
    throw wrongShape(
      part,
      `position ${again_Ba[wrong]} again at step ${index}: missing, kept, twice or not ascending`,
      'tokens that were drawn',
    );
  for (const [i, at] of again_Ba.entries()) done[Math.floor(i / a) * length + at] = 0;
  return a;
}

/** Tokens of the first row that are neither written nor kept. */
function missing({ length, done, kept }: Walk): number {
  return done.subarray(0, length).reduce((sum, one, at) => sum + (one || kept?.keep_L[at] ? 0 : 1), 0);
}

function checkEnd(part: PartCall, { done, length, kept, last }: Walk): void {
  const never = done.findIndex((one, at) => !one && !kept?.keep_L[at % length]);
  if (never >= 0) throw wrongShape(part, `an end before position ${never % length} came`, 'every token once');
  if (last && last.index + 1 !== last.of) throw wrongShape(part, `${last.index + 1} steps of ${last.of}`, `${last.of}`);
}

/** Positions ascend within a row, and come once. */
function checkPositions(part: PartCall, { positions_Bl }: Step, { rows, length, done }: Walk): void {
  const l = positions_Bl.length / rows;
  const wrong = positions_Bl.findIndex((at, i) => {
    const ascends = i % l === 0 || positions_Bl[i - 1]! < at;
    return !(at >= 0 && at < length) || !ascends || done[Math.floor(i / l) * length + at] === 1;
  });
  if (wrong < 0) return;
  const got = `position ${positions_Bl[wrong]}: twice, outside, or not ascending`;
  throw wrongShape(part, got, `0 to ${length - 1}, each once`);
}

function markDone({ positions_Bl }: Step, { rows, length, done }: Walk): void {
  const l = positions_Bl.length / rows;
  for (const [i, at] of positions_Bl.entries()) done[Math.floor(i / l) * length + at] = 1;
}

function checkChosen(part: PartCall, chosen: Chosen, { step, rows }: { step: Step; rows: number }): void {
  const { slots_Bl, step: kept } = chosen ?? {};
  const count = rows * (step.before - step.after);
  if (!(slots_Bl instanceof Int32Array) || slots_Bl.length !== count) {
    throw wrongShape(part, `${slots_Bl?.length} slots`, `an Int32Array of ${count}, as many as the step leaves`);
  }
  const l = step.positions_Bl.length / rows;
  const wrong = slots_Bl.findIndex((slot, i) => Math.floor(slot / l) !== Math.floor((i * rows) / count));
  if (wrong >= 0) throw wrongShape(part, `the slot ${slots_Bl[wrong]}`, `places of its own row, ${l} each`);
  const same =
    kept?.positions_Bl?.length === count &&
    slots_Bl.every((slot, i) => step.positions_Bl[slot] === kept.positions_Bl[i]);
  if (!same) throw wrongShape(part, 'a step of other positions than its slots', 'those at the slots');
  if (kept.index !== step.index || kept.of !== step.of || kept.before !== step.before || kept.after !== step.after)
    throw wrongShape(part, `step ${kept.index} of ${kept.of}`, `step ${step.index} of ${step.of} with its own numbers`);
}
