import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, root } from './files.ts';

/*
 * Sentences of this repository are read by engineers of the field: usual terms, a subject and a verb. These words crept
 * in once and made readers stumble. Each has a plain word instead.
 */
const plainWords: Readonly<Record<string, string>> = {
  anew: 'again, new',
  nobody: 'no one, no other code',
  whoever: 'the caller, the one that',
  whither: 'where',
  amid: 'during',
  heed: 'use, follow',
  heeds: 'uses, follows',
  mend: 'fix, repair',
  mends: 'fixes, repairs',
  mended: 'fixed, repaired',
  'who complains': 'who reports the error',
  'lets go of': 'disposes, frees',
  'has a say': 'influences',
  'have a say': 'influence',
  'apart by': 'separated by',
  'says nothing of': 'does not describe',
  'the word on': 'the decision about',
  'in vain': 'without use',
  'are dear': 'are expensive',
  'is dear': 'is expensive',
};

const refused = new RegExp(`\\b(${Object.keys(plainWords).join('|').replaceAll(' ', '[\\s*/]+')})\\b`, 'gi');

/** Refused words with their line, as `12: anew (again, new)`. Words may stand on two lines of a comment. */
function refusedWords(text: string): string[] {
  return [...text.matchAll(refused)].map(({ 0: found, index }) => {
    const word = found.replaceAll(/[\s*/]+/g, ' ');
    return `${text.slice(0, index).split('\n').length}: ${word} (${plainWords[word.toLowerCase()]})`;
  });
}

const READ = /\.(tsx?|mjs|cjs|md|py|cc|h|html)$/;

describe('plain English', () => {
  const files = filesBelow(root).filter((file) => READ.test(file) && basename(file) !== 'prose.test.ts');

  it('reads sources, tools and documents', () => {
    expect(files.length).toBeGreaterThan(400);
    expect(files.map((file) => relative(root, file))).toEqual(
      expect.arrayContaining(['README.md', 'packages/core/src/sample.ts', 'scripts/bootstrap.mjs']),
    );
  });

  it('uses no private idiom', () => {
    const found = files.flatMap((file) =>
      refusedWords(readFileSync(file, 'utf8')).map((words) => `${relative(root, file)}:${words}`),
    );
    expect(found).toEqual([]);
  });

  it('finds a word also where a comment breaks the line', () => {
    expect(refusedWords('/**\n * Lists apart\n * by commas. Nobody reads them.\n */\n')).toEqual([
      '2: apart by (separated by)',
      '3: Nobody (no one, no other code)',
    ]);
    expect(refusedWords('const renewed = commended;')).toEqual([]);
  });
});
