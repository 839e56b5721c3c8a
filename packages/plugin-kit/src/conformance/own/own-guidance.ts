import type { GuidancePlugin } from '@tessera/core';
import { record, schema, type FieldType } from '@tessera/schema';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import type { Check } from '../case.ts';
import { distance } from '../compare.ts';
import { layout, stepsOf } from '../guidance/given.ts';
import type { Trial } from '../options.ts';
import { common } from './given.ts';

const { choice, list, number, object, optional } = schema;

/** Predictions of one image in, their mixture out; or the weights of all steps. */
export const ownGuidance = object({
  name: common.name,
  tolerance: common.tolerance,
  options: optional(record, {}),
  /** What the request asks for: w. */
  weight: number(),
  /** The weight of each step, as many as there are; 1 where it is not guided. */
  weights: optional(list(number(), { min: 1 }), undefined),
  /** At the only step: what a head predicts for one token, and the mixture. */
  mix: optional(
    object({
      kind: choice('logits', 'noise', 'velocity'),
      own: list(number(), { min: 1 }),
      none: list(number(), { min: 1 }),
      /** The data of a prediction p of noise or a velocity: keep * state + factor * p. */
      clean: optional(object({ state: list(number()), keep: number(), factor: number() }), undefined),
      mixed: list(number(), { min: 1 }),
    }),
    undefined,
  ),
});

export function guidanceCheck(plugin: GuidancePlugin, trial: Trial, own: FieldType<typeof ownGuidance>): Check {
  return async () => {
    const { weight, weights, mix, tolerance } = own;
    const guarded = guardPlugin(plugin);
    const options = guarded.options().parse({ ...trial.options, ...own.options }, plugin.name);
    const open = guarded.open({ weight, over: weight - 1, options, layout });
    if (weights) {
      const found = stepsOf(weights.length).map((step) => open.step(step)?.weight ?? 1);
      if (distance(found, weights) > tolerance)
        return `the weights ${found.join(', ')}, where ${weights.join(', ')} are due`;
    }
    if (!mix) return weights ? null : 'neither weights nor mix: nothing is said that could be wrong';
    const { kind, clean } = mix;
    const guided = open.step(stepsOf(1)[0]!);
    const width = mix.own.length;
    const made = guided?.mix?.({ kind, tokens: 1, width, groups: [width] })({
      own_lX: Float64Array.from(mix.own),
      none_lX: Float64Array.from(mix.none),
      ...(clean && { clean: { ...clean, state_lX: Float64Array.from(clean.state) } }),
    });
    if (!made) return 'a step that is not guided, or without mix';
    const found = Array.from(made);
    return distance(found, mix.mixed) <= tolerance
      ? null
      : `the mixture ${found.join(', ')}, where ${mix.mixed.join(', ')} is due`;
  };
}
