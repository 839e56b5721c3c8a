import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from './terminal.ts';

it.each([
  ['runs/digits', 'runs/digits'],
  ['Büro/rezept.json', 'Büro/rezept.json'],
  ['my runs', "'my runs'"],
  ["it's $HOME", `'it'\\''s $HOME'`],
])('%s is printed as %s, and a shell reads it back', (text, printed) => {
  expect(shellWord(text)).toBe(printed);
  expect(execFileSync('sh', ['-c', `printf %s ${printed}`], { encoding: 'utf8' })).toBe(text);
});
