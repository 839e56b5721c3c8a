import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cases } from './conformance/index.ts';

/* The order of the readme keeps every rule that it is an example of. */

const core = join(import.meta.dirname, '..');
// Inside of the repository, where it finds the package by its name.
const out = join(core, '../../out');
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(out, 'readme-'));
const file = join(folder, 'all-at-once.ts');
const [, block] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(core, 'README.md'), 'utf8')) ?? [];
writeFileSync(file, block ?? '');
const { allAtOnce } = await import(/* @vite-ignore */ file);
afterAll(() => rmSync(folder, { recursive: true }));

describe('the order of the readme passes', () => {
  it('is there', () => expect(allAtOnce.name).toBe('@acme/all-at-once'));
  for (const { name, run } of cases(allAtOnce)) it(name, run);
});
