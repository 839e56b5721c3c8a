import { printable, TesseraError } from '@tessera/errors';
import { shown } from './shown.ts';

/** As npm has it. */
const longest = 214;
const word = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';
const pattern = new RegExp(`^(?:@${word}/)?${word}$`);

/**
 * Names are what model folders know plug-ins by: lower-case words with hyphens, and those of other packages begin with
 * their scope, as `@acme/gaussian`. `who` complains where there is no name.
 * @throws TesseraError `part-name`
 */
export function checkName(name: unknown, who = 'plug-in'): void {
  if (typeof name === 'string' && name.length <= longest && pattern.test(name)) return;
  throw new TesseraError({
    code: 'part-name',
    who: typeof name === 'string' && name !== '' ? name : who,
    got: name === undefined ? 'a plug-in without a name' : `a plug-in named ${printable(shown(name), 60)}`,
    expected: 'lower-case words with hyphens, after the scope of its package if it has one: @acme/gaussian',
    next: 'Rename it.',
  });
}
