import { TesseraError } from '@tessera/errors';

const word = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';
const pattern = new RegExp(`^(?:@${word}/)?${word}$`);

/**
 * Names are what model folders know plug-ins by: lower-case words with hyphens, and those of other packages begin with
 * their scope, as `@acme/gaussian`.
 * @throws TesseraError `part-name`
 */
export function checkName(name: string): void {
  if (typeof name === 'string' && pattern.test(name)) return;
  throw new TesseraError({
    code: 'part-name',
    who: String(name),
    got: `a plug-in named ${JSON.stringify(name)}`,
    expected: 'lower-case words with hyphens, after the scope of its package if it has one: @acme/gaussian',
    next: 'Rename it.',
  });
}
