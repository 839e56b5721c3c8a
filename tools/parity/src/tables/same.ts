import { compare, type Verdict } from '../comparison.ts';
import type { Tolerance } from '../tolerance.ts';

/** Compares one list of a table. */
export function same(
  name: string,
  { expected, found, tolerance }: { expected: readonly number[]; found: readonly number[]; tolerance: Tolerance },
): Verdict {
  const shaped = { name, data: expected, shape: [expected.length] };
  return compare(shaped, { data: found, shape: [found.length] }, tolerance);
}

/** Sections of a table that no function here answers for. */
export function leftOver(content: object, known: readonly string[]): Verdict[] {
  const left = Object.keys(content).filter((section) => !known.includes(section));
  return left.map((name) => ({ name, share: Infinity, failure: `not compared: ${name}` }));
}
