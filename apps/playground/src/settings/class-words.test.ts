import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readingsOf, refusedWord, titleOf, wordOf } from './class-words.ts';

const numbered = (names: readonly string[]) => names.map((name, label) => ({ label, name }));

/* The page shares no code with the server; this table of right values is the same for both. */
const table = new URL('../../../../packages/models/fixtures/class-choices.json', import.meta.url);
const cases = JSON.parse(readFileSync(table, 'utf8')) as readonly {
  readonly classes: readonly string[];
  readonly readings: Readonly<Record<string, readonly number[]>>;
}[];

it.each(cases)('reads words by the classes $classes as the server does', ({ classes, readings }) => {
  const words = Object.keys(readings);
  expect(Object.fromEntries(words.map((word) => [word, readingsOf(word, numbered(classes))]))).toEqual(readings);
});

it.each(cases)('writes a word for every class of $classes that reads as that class alone', ({ classes }) => {
  for (const label of [-1, ...classes.keys()]) {
    expect(readingsOf(wordOf(label, numbered(classes)), numbered(classes))).toEqual([label]);
  }
});

it('tells classes of one name apart, and those whose name means something else', () => {
  const classes = numbered(['tench, Tinca tinca', 'crane', '2', 'crane', 'none', '1', 'each once']);
  const titles = [...classes.keys(), -1].map((label) => titleOf(label, classes));
  expect(titles).toEqual([
    'tench, Tinca tinca',
    'crane (#1)',
    '2',
    'crane (#3)',
    'none (#4)',
    '1 (#5)',
    'each once (#6)',
    'no class',
  ]);
  expect(new Set(titles).size).toBe(titles.length);
});

it('says which classes a word in the address could mean', () => {
  const classes = numbered(['cat', 'crane', 'crane']);
  expect([null, 'each', 'cat', '2'].map((word) => refusedWord(word, classes))).toEqual([null, null, null, null]);
  expect(refusedWord('crane', classes)).toMatch(/“crane”, which can mean 2 classes: number:1 .*, number:2 /);
  expect(refusedWord('dog', classes)).toMatch(/“dog”, which this model does not have/);
});
