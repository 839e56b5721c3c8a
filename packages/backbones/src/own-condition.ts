import type { ConditionedFacts, ConditionPlugin } from '@tessera/core';
import { classCondition } from './class-condition.ts';

/* What all three backbones say of their conditions: a vector, and with `attends` a sequence besides. */

interface Conditioned {
  readonly classes?: number | undefined;
  readonly attends: boolean;
}

/** Classes of its own, or a part that the model names. `table` is how the classes are kept: see `classCondition`. */
export function conditionFacts(
  { classes, attends }: Conditioned,
  { width, ...table }: { readonly width: number; readonly none?: 'row' | 'parameter'; readonly initial?: number },
): ConditionedFacts['condition'] {
  const own =
    classes === undefined ? null : { plugin: classCondition as ConditionPlugin, config: { classes, ...table } };
  return { forms: attends ? ['vector', 'sequence'] : ['vector'], width, own };
}

/** For the schema of a configuration: what is wrong with it, or null. */
export function classesMisfit({ classes, attends }: Conditioned): string | null {
  return attends && classes !== undefined ? 'no classes where it attends to a sequence: they are a vector' : null;
}

/** The axes of what the condition embeds, in the order of `Embedded`. */
export function embeddedAxes({ attends }: Conditioned): readonly string[] {
  return attends ? ['R .', 'R S .', 'R S'] : ['R .'];
}
