import type { Condition } from './operations.ts';

/** The class of an image; -1 where its condition is none. */
export function labelOf({ condition }: { readonly condition: Condition }): number {
  return condition.__typename === 'ClassCondition' ? condition.label : -1;
}
