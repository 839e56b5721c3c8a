import { cases, readConformance } from '@tessera/plugin-kit/conformance';
import { describe, expect, it } from 'vitest';
import { wordsCondition } from './words-condition.ts';

// What the kit is to know, and cases of your own.
const settings = readConformance(new URL('../conformance.json', import.meta.url));

const config = wordsCondition.config.parse({ words: ['a', 'red', 'blue', 'hat'], length: 3 }, 'test');

describe('wordsCondition', () => {
  for (const { name, run } of cases(wordsCondition, settings[wordsCondition.name])) it(name, run);

  it.each([
    ['a purple hat', 'words that the model knows, not purple'],
    ['a bluee hat', 'not bluee: did you mean blue?'],
    ['a red blue hat', '1 to 3 words'],
    ['...', '1 to 3 words'],
  ])('refuses %s', (text, said) => {
    expect(() => wordsCondition.input(config).parse({ text }, 'a model')).toThrow(said);
  });

  it('reads words whatever their case and the signs between them', () => {
    expect(wordsCondition.input(config).parse({ text: 'A red: HAT!' }, 'a model')).toEqual({ text: 'A red: HAT!' });
  });

  it.each([[['Red']], [['red', 'red']], [['red hat']], [['']]])('has no vocabulary of %s', (words) => {
    expect(() => wordsCondition.config.parse({ words }, 'a model')).toThrow('different words in lower case');
  });
});
