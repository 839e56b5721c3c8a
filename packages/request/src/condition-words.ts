import type { Condition, ConditionSpace } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { chooseClass } from './class-choice.ts';

interface ConditionWords {
  /** Whose conditions they are, for an error. */
  readonly who: string;
  /** Names of the classes; empty where conditions are none. */
  readonly classes: readonly string[];
  readonly condition: Pick<ConditionSpace, 'classes'> & { readonly json: ConditionSpace['input']['json'] };
}

/**
 * The condition that words choose, by one rule for the command line and the API: a class as `chooseClass` reads it; or, of
 * models whose conditions are no classes, a JSON object of their input, or plain words where the input is one text.
 * `none` is no condition.
 * @throws TesseraError `unknown-label`, `ambiguous-label`, `condition-words`
 */
export function conditionOfWords(words: string, { who, classes, condition }: ConditionWords): Condition {
  if (condition.classes !== null) {
    const label = chooseClass(words, { who, classes });
    return label === -1 ? { kind: 'none' } : { kind: 'class', label };
  }
  if (words.trim() === 'none') return { kind: 'none' };
  const object = objectIn(words);
  if (object) return { kind: 'input', input: object };
  const { properties = {} } = condition.json;
  const [text, ...others] = Object.entries(properties).filter(([, { type }]) => type === 'string');
  if (text && others.length === 0) return { kind: 'input', input: { [text[0]]: words } };
  throw new TesseraError({
    code: 'condition-words',
    who,
    got: words.slice(0, 80),
    expected: `a JSON object with ${Object.keys(properties).join(', ')}, or none`,
    next: `Write it as JSON: {"${Object.keys(properties)[0] ?? 'name'}": ...}.`,
  });
}

function objectIn(words: string): object | null {
  if (!words.trimStart().startsWith('{')) return null;
  try {
    return JSON.parse(words) as object;
  } catch {
    return null;
  }
}
