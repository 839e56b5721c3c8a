import type { KindName } from './kinds.ts';
import { Refusal } from './refusal.ts';

/** Words of a new part, as its files and identifiers use them. */
export interface PartNames {
  /** `@acme/my-head` */
  readonly pkg: string;
  /** `my-head`: the folder. */
  readonly folder: string;
  /** `my-head`, with its kind: the file. */
  readonly file: string;
  /** `myHead` */
  readonly identifier: string;
}

const word = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';

/** @throws Refusal `name-invalid` */
export function namesOf(pkg: string, kind: KindName): PartNames {
  if (pkg.length > 214 || !new RegExp(`^(?:@${word}/)?${word}$`).test(pkg)) {
    throw new Refusal({
      code: 'name-invalid',
      got: `the name ${JSON.stringify(pkg).slice(0, 80)}`,
      expected: 'lower-case words with hyphens, after a scope if it has one: @acme/my-head',
      next: 'Choose another; the folder is made where the command runs.',
    });
  }
  const folder = pkg.split('/').at(-1)!;
  const file = folder === kind || folder.endsWith(`-${kind}`) ? folder : `${folder}-${kind}`;
  const identifier = file.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { pkg, folder, file, identifier };
}
