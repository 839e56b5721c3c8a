import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseJson, TesseraError } from '@tessera/errors';
import { packageSpec } from '../package-spec.ts';

/** The folder of a package that is installed for a folder; null if none is. */
export function installed(name: string, from: string): string | null {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
    if (dirname(folder) === folder) return null;
  }
}

/** Error `certify-subject`. */
export function refusal(who: string, got: string): TesseraError {
  const expected = 'a folder with a package.json, a tarball that npm pack made, or the name of a package';
  return new TesseraError({ code: 'certify-subject', who, got, expected, next: 'Check the path.' });
}

/** @throws TesseraError `certify-subject` */
export function readManifest(folder: string): { readonly name: string; readonly version: string | null } {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) throw refusal(folder, 'a folder without package.json');
  const json = parseJson(readFileSync(path), { code: 'certify-subject', who: path, expected: 'a package' });
  const { name, version } = json as { readonly name?: unknown; readonly version?: unknown };
  if (typeof name !== 'string' || packageSpec(name) !== name) throw refusal(path, 'no name of a package in it');
  return { name, version: typeof version === 'string' ? version : null };
}
