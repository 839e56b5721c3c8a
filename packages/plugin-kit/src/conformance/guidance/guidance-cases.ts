import type { GuidancePlugin, OpenGuidance, PredictionKind, Predictions, PredictionShape, Step } from '@tessera/core';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { caseOf, type Case, type Property } from '../case.ts';
import { apart, distance, unequal } from '../compare.ts';
import type { Trial } from '../options.ts';
import { idleOption } from '../tried-values.ts';
import { layout, predictions, shapesOf, stepsOf } from './given.ts';

/** Checks of a guidance: with synthetic predictions of each kind that it mixes, at several weights and numbers of steps. */
export function guidanceCases(plugin: GuidancePlugin, trial: Trial): readonly Case[] {
  const checks: Partial<Record<Property, (opened: Opened) => string | null>> = {
    shapes: answersWhole,
    guidance: offAndOn,
    pull: pullsTowards,
    agreement: leavesAgreement,
    choices: readsScores,
    steps: keepsCourse,
    determinism: repeats,
    batch: keepsImagesApart,
  };
  return [
    ...Object.entries(checks).map(([property, check]) =>
      caseOf({ plugin, property: property as Property, on: null, limit: trial.limit }, async () =>
        check(opening(plugin, trial)),
      ),
    ),
    caseOf({ plugin, property: 'options', on: null, limit: trial.limit }, () => matters(plugin, trial)),
  ];
}

interface Opened {
  readonly kinds: readonly PredictionKind[];
  readonly seed: number;
  open(weight: number): OpenGuidance;
}

function opening(plugin: GuidancePlugin, trial: Trial, options?: unknown): Opened {
  const guarded = guardPlugin(plugin);
  const read = options ?? guarded.options().parse(trial.options, plugin.name);
  return {
    kinds: plugin.mixes ?? [],
    seed: 100 * trial.seed,
    open: (weight) => guarded.open({ weight, over: weight - 1, options: read, layout }),
  };
}

interface Mixing {
  readonly step: Step;
  readonly shape: PredictionShape;
  readonly given: readonly Predictions[];
}

/** What becomes of predictions that come one after the other in one step; those with the condition where it is not guided. */
function mixed(open: OpenGuidance, { step, shape, given }: Mixing): Float32Array[] {
  const mix = open.step(step)?.mix?.(shape) ?? (({ own_lX }: Predictions) => own_lX);
  return given.map((one) => Float32Array.from(mix(one)));
}

/** Everything that a guidance does in one generation with predictions of each of its kinds, as one list of numbers. */
function course({ kinds, seed }: Opened, open: OpenGuidance, steps: readonly Step[]): number[] {
  return steps.flatMap((step) => [
    open.step(step)?.weight ?? 1,
    ...shapes(kinds).flatMap((shape) =>
      mixed(open, { step, shape, given: chainOf(shape, seed + step.index) }).flatMap((one) => [...one]),
    ),
  ]);
}

const shapes = (kinds: readonly PredictionKind[]): PredictionShape[] => kinds.flatMap(shapesOf);

/** Heads that denoise ask several times in a step. */
const chainOf = (shape: PredictionShape, seed: number): Predictions[] =>
  Array.from({ length: shape.kind === 'logits' ? 1 : 3 }, (_, call) => predictions(shape, { seed, call }));

/** The guard looks at numbers and lengths: also of the extremes, where nothing differs or all is zero. */
function answersWhole(opened: Opened): string | null {
  for (const weight of [0, 0.5, 1.5, 4, 100]) {
    const open = opened.open(weight);
    for (const of of [1, 2, 7]) {
      course(opened, open, stepsOf(of));
      for (const shape of shapes(opened.kinds)) {
        const [plain] = chainOf(shape, opened.seed);
        const zeros = new Float64Array(shape.tokens * shape.width);
        const extremes = [
          { ...plain!, none_lX: plain!.own_lX },
          { ...plain!, own_lX: zeros },
          { ...plain!, own_lX: zeros, none_lX: zeros },
        ];
        for (const step of stepsOf(of)) mixed(open, { step, shape, given: extremes });
      }
    }
  }
  return null;
}

/** Weight 1 leaves the prediction with the condition to the bit; another weight does not. */
function offAndOn(opened: Opened): string | null {
  const off = opened.open(1);
  for (const step of stepsOf(8)) {
    const weight = off.step(step)?.weight ?? 1;
    if (weight !== 1) return `the weight ${weight} at step ${step.index + 1} of 8, where 1 was asked for`;
    for (const shape of shapes(opened.kinds)) {
      const given = chainOf(shape, opened.seed);
      for (const [i, one] of mixed(off, { step, shape, given }).entries()) {
        const changed = unequal(`mixtures of ${shape.kind} at weight 1 and predictions`, given[i]!.own_lX, one);
        if (changed !== null) return changed;
      }
    }
  }
  // Of a guidance that mixes, the mixtures count and not what it says of weights.
  const seen = (weight: number): number[] => {
    const open = opened.open(weight);
    if (opened.kinds.length === 0) return course(opened, open, stepsOf(8));
    return stepsOf(8).flatMap((step) => mixedOnce(opened, open, step));
  };
  const [on, none] = [3, 1].map(seen);
  return distance(on!, none!) > 0 ? null : 'nothing that changes between the weights 1 and 3';
}

/** No step pulls the other way, or more strongly than was asked for. */
function pullsTowards(opened: Opened): string | null {
  for (const weight of [2, 8]) {
    const open = opened.open(weight);
    for (const step of stepsOf(8)) {
      const place = `at step ${step.index + 1} of 8, where ${weight} was asked for`;
      const own = open.step(step)?.weight ?? 1;
      if (own < 1 || own > weight * (1 + 1e-9)) return `the weight ${own} ${place}`;
      for (const shape of shapes(opened.kinds)) {
        const [given] = chainOf(shape, opened.seed + step.index);
        const [made] = mixed(open, { step, shape, given: [given!] });
        const towards = sumOver(
          shape,
          (i) => (made![i]! - given!.own_lX[i]!) * (given!.own_lX[i]! - given!.none_lX[i]!),
        );
        if (towards < -1e-6) return `a mixture of ${shape.kind} that goes away from the condition ${place}`;
      }
    }
  }
  return null;
}

const sumOver = ({ tokens, width }: PredictionShape, value: (i: number) => number): number =>
  Array.from({ length: tokens * width }, (_, i) => value(i)).reduce((sum, one) => sum + one, 0);

/** Where the condition makes no difference, there is nothing to pull towards. */
function leavesAgreement(opened: Opened): string | null {
  const open = opened.open(5);
  for (const step of stepsOf(4)) {
    for (const shape of shapes(opened.kinds)) {
      const given = chainOf(shape, opened.seed).map((one) => ({ ...one, none_lX: one.own_lX }));
      for (const [i, one] of mixed(open, { step, shape, given }).entries()) {
        const changed = apart(`mixtures of ${shape.kind} where both predictions agree`, given[i]!.own_lX, one);
        if (changed !== null) return changed;
      }
    }
  }
  return null;
}

/** A constant that is added to all scores of a choice means nothing: afterwards the choices must be as likely as without. */
function readsScores(opened: Opened): string | null {
  if (!opened.kinds.includes('logits')) return null;
  const open = opened.open(4);
  for (const step of stepsOf(4)) {
    for (const shape of shapesOf('logits')) {
      const [given] = chainOf(shape, opened.seed);
      const raised = { own_lX: raise(given!.own_lX, shape, 3), none_lX: raise(given!.none_lX, shape, -2) };
      const [plain] = mixed(open, { step, shape, given: [given!] });
      const [other] = mixed(open, { step, shape, given: [raised] });
      const changed = apart(
        'chances of choices whose scores were raised together',
        chances(plain!, shape),
        chances(other!, shape),
      );
      if (changed !== null) return changed;
    }
  }
  return null;
}

/** Another constant for each choice of each token. */
function raise(values: Float64Array, { groups }: PredictionShape, by: number): Float64Array {
  const raised = values.slice();
  let choice = 0;
  for (let from = 0; from < raised.length;)
    for (const size of groups) {
      choice++;
      for (let i = from; i < from + size; i++) raised[i]! += by * choice;
      from += size;
    }
  return raised;
}

function chances(values: Float32Array, { groups }: PredictionShape): number[] {
  const all: number[] = [];
  for (let from = 0; from < values.length;)
    for (const size of groups) {
      const scores = values.subarray(from, from + size);
      const most = Math.max(...scores);
      const raised = Array.from(scores, (score) => Math.exp(score - most));
      const total = raised.reduce((sum, one) => sum + one, 0);
      all.push(...raised.map((one) => one / total));
      from += size;
    }
  return all;
}

/** How far the average weight may move between few steps and many: half of the way to the one that was asked for. */
const COURSE = 0.5;

/** The course of the weight over the steps is the same, coarse or fine: what counts steps is found. */
function keepsCourse({ open }: Opened): string | null {
  const average = (of: number): number => {
    const opened = open(3);
    return stepsOf(of).reduce((sum, step) => sum + (opened.step(step)?.weight ?? 1), 0) / of;
  };
  const [few, many] = [average(8), average(64)];
  const opened = open(3);
  const ends = stepsOf(64).map((step) => opened.ended?.(step) === true);
  const again = ends.findIndex((ended, index) => !ended && ends[index - 1]);
  if (again >= 0) return `a guidance that has ended at step ${again} of 64 and goes on at the next`;
  if (Math.abs(few - many) <= COURSE) return null;
  return `the weight ${few.toFixed(2)} on average over 8 steps, and ${many.toFixed(2)} over 64`;
}

/** The same at a step, whether others came before it or not: a generation may go on in another process. */
function repeats(opened: Opened): string | null {
  const steps = stepsOf(6);
  const whole = opened.open(4);
  const before = course(opened, whole, steps);
  const again = unequal('mixtures of the same predictions', before, course(opened, whole, steps));
  if (again !== null) return again;
  const alone = steps.flatMap((step) => course(opened, opened.open(4), [step]));
  const moved = unequal('mixtures of a step after others and alone', before, alone);
  if (moved !== null) return moved;
  const [inTurn, fresh] = [opened.open(4), () => opened.open(4)];
  const together = steps.flatMap((step) => mixedOnce(opened, inTurn, step));
  return unequal(
    'steps after others and alone',
    together,
    steps.flatMap((step) => mixedOnce(opened, fresh(), step)),
  );
}

/** A step that is asked for once, as a head that predicts once does: its weight where nothing is mixed. */
function mixedOnce({ kinds, seed }: Opened, open: OpenGuidance, step: Step): number[] {
  const guided = open.step(step);
  const [shape] = shapes(kinds);
  if (!shape) return [guided?.weight ?? 1];
  const [given] = chainOf(shape, seed + step.index);
  return Array.from(guided?.mix?.(shape)(given!) ?? given!.own_lX);
}

/** Images of a batch are mixed in turn, at each denoising step. */
function keepsImagesApart(opened: Opened): string | null {
  const open = opened.open(4);
  for (const step of stepsOf(4)) {
    for (const shape of shapes(opened.kinds)) {
      const images = [0, 1, 2].map((image) => chainOf(shape, opened.seed + 50 * image));
      const mixes = images.map(() => open.step(step)?.mix?.(shape));
      const together = images.map((): Float32Array[] => []);
      for (const call of images[0]!.keys())
        for (const [image, mix] of mixes.entries()) {
          const given = images[image]![call]!;
          together[image]!.push(Float32Array.from(mix?.(given) ?? given.own_lX));
        }
      for (const [image, given] of images.entries()) {
        const alone = mixed(open, { step, shape, given });
        for (const [call, one] of alone.entries()) {
          const changed = unequal('mixtures of an image alone and in a batch', one, together[image]![call]!);
          if (changed !== null) return changed;
        }
      }
    }
  }
  return null;
}

function matters(plugin: GuidancePlugin, trial: Trial): Promise<string | null> {
  const schema = guardPlugin(plugin).options();
  return idleOption({ schema, trial, who: plugin.name }, async ({ options }) => {
    const opened = opening(plugin, trial, options);
    return course(opened, opened.open(4), stepsOf(8));
  });
}
