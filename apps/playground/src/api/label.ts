import type { Condition } from './operations.ts';

/** What an image was asked to show. */
export interface Asked {
  readonly condition: Condition;
}

/** The class of an image; -1 where its condition is none. */
export function labelOf({ condition }: Asked): number {
  return condition.__typename === 'ClassCondition' ? condition.label : -1;
}

/** The words of an input: its texts, else all of it as JSON; of a picture, that it is one. Null where the condition is another. */
export function wordsOf({ condition }: Asked): string | null {
  if (condition.__typename !== 'InputCondition') return null;
  const said = Object.entries(condition.input).map(([name, value]) => [name, inWords(value)] as const);
  const values = said.map(([, value]) => value);
  return values.every((value) => typeof value === 'string')
    ? values.join(', ')
    : JSON.stringify(Object.fromEntries(said));
}

function inWords(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('data:image/') ? 'a picture' : value;
}
