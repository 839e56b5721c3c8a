import type { ConditionedFacts, ConditionForm, ConditionPlugin } from '@tessera/core';
import { classCondition } from './class-condition.ts';

/* What all three backbones say of their conditions: a vector, with `attends` a sequence besides, with `map` a map. */

interface Conditioned {
  readonly classes?: number | undefined;
  readonly attends: boolean;
  readonly map: boolean;
}

/** Classes of its own, or a part that the model names. `table` is how the classes are kept: see `classCondition`. */
export function conditionFacts(
  { classes, ...taken }: Conditioned,
  { width, ...table }: { readonly width: number; readonly none?: 'row' | 'parameter'; readonly initial?: number },
): ConditionedFacts['condition'] {
  const own =
    classes === undefined ? null : { plugin: classCondition as ConditionPlugin, config: { classes, ...table } };
  return { forms: formsOf(taken), width, own };
}

/** For the schema of a configuration: what is wrong with it, or null. */
export function classesMisfit({ classes, attends, map }: Conditioned): string | null {
  if (classes === undefined || !(attends || map)) return null;
  return `no classes where it ${attends ? 'attends to a sequence' : 'takes a map'}: they are a vector`;
}

/** In the order of `Embedded`. */
function formsOf({ attends, map }: Omit<Conditioned, 'classes'>): readonly ConditionForm[] {
  return ['vector', ...(attends ? (['sequence'] as const) : []), ...(map ? (['map'] as const) : [])];
}

const axesOf: Readonly<Record<ConditionForm, readonly string[]>> = {
  vector: ['R .'],
  sequence: ['R S .', 'R S'],
  map: ['R . .'],
};

/** The axes of what the condition embeds, in the order of `Embedded`. */
export function embeddedAxes(taken: Omit<Conditioned, 'classes'>): readonly string[] {
  return formsOf(taken).flatMap((form) => axesOf[form]);
}
