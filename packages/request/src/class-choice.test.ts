import { readFileSync } from 'node:fs';
import { isTesseraError } from '@tessera/errors';
import { expect, it } from 'vitest';
import { chooseClass, readingsOf } from './class-choice.ts';

interface Case {
  readonly classes: readonly string[];
  /** By word: every class that it can mean. */
  readonly readings: Readonly<Record<string, readonly number[]>>;
}

const cases = JSON.parse(
  readFileSync(new URL('../fixtures/class-choices.json', import.meta.url), 'utf8'),
) as readonly Case[];

it.each(cases)('reads words by the classes $classes', ({ classes, readings }) => {
  expect(Object.fromEntries(Object.keys(readings).map((word) => [word, readingsOf(word, classes)]))).toEqual(readings);
});

function choose(word: string, classes: readonly string[]): number | string {
  try {
    return chooseClass(word, { who: 'birds', classes });
  } catch (error) {
    if (isTesseraError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

it('takes a word with one reading, and refuses others with every reading', () => {
  const classes = ['tench, Tinca tinca', 'crane', 'goldfish', 'crane', 'none'];
  expect(choose('tench, Tinca tinca', classes)).toBe(0);
  expect(choose('number:3', classes)).toBe(3);
  expect(choose('name:none', classes)).toBe(4);
  expect(choose('crane', classes)).toBe(
    'ambiguous-label [birds] got the label crane, which can mean 2 classes; ' +
      'expected one of number:1 (crane), number:3 (crane). Choose by number.',
  );
  expect(choose('none', classes)).toMatch(/^ambiguous-label .*number:-1 \(no class\), number:4 \(none\)/);
  expect(choose('tench', classes)).toBe(0);
  expect(choose('Tinca tinka', classes)).toMatch(/^unknown-label .*Did you mean Tinca tinca\?$/);
  expect(choose('goldfihs', classes)).toMatch(/^unknown-label .*Did you mean goldfish\?$/);
  expect(choose('5', classes)).toMatch(/^unknown-label .*a number from 0 to 4/);
  expect(choose('same', new Array<string>(1000).fill('same'))).toMatch(/number:5 \(same\) and 994 more/);
});
