import type { ConditionedFacts, ConditionPlugin } from '@tessera/core';
import { classCondition } from '../class-condition.ts';
import type { ClassModulatedConfig } from './params.ts';

/** The condition of a transformer that a vector modulates: classes of its own, or a part that the model names. */
export function modulatingCondition({ width, classes, attends }: ClassModulatedConfig): ConditionedFacts['condition'] {
  const own = classes === undefined ? null : { plugin: classCondition as ConditionPlugin, config: { classes } };
  return { forms: attends ? ['vector', 'sequence'] : ['vector'], width, own };
}

/** The axes of what that condition embeds. */
export function embeddedAxes({ attends }: ClassModulatedConfig): readonly string[] {
  return attends ? ['R .', 'R S .', 'R S'] : ['R .'];
}
