import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { declarationsOf, entryOf } from './declarations.ts';
import { file, reference } from './reference.ts';

it('says what the sources say: npm run reference writes it again', async () => {
  expect(await reference()).toBe(readFileSync(file, 'utf8'));
});

it('follows exports to where they are declared, and leaves code out', () => {
  const all = declarationsOf(entryOf('@tessera/plugin-kit'));
  const of = (name: string) => all.find((one) => one.name === name)!;
  expect(of('Head').comment).toMatch(/^Draws tokens from hidden states\./);
  expect(of('defineHead').code).toMatch(
    /definition: HeadDefinition<C, O, S>,\n\): HeadPlugin<OutputOf<C>, OutputOf<O>>;$/,
  );
  expect(of('setSizes').code).not.toContain('return');
  expect(of('TokenCanvas').code).not.toMatch(/#|return/);
});
