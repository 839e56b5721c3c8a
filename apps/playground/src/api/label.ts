import type { Condition } from './operations.ts';

/** What an image was asked to show. */
export interface Asked {
  readonly condition: Condition;
}

/** The class of an image; -1 where its condition is none. */
export function labelOf({ condition }: Asked): number {
  return condition.__typename === 'ClassCondition' ? condition.label : -1;
}

/** The words of an input: its texts, else all of it as JSON. Null where the condition is another. */
export function wordsOf({ condition }: Asked): string | null {
  if (condition.__typename !== 'InputCondition') return null;
  const values = Object.values(condition.input);
  return values.every((value) => typeof value === 'string') ? values.join(', ') : JSON.stringify(condition.input);
}
