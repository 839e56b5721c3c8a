import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const names = ['tessera.config.ts', 'tessera.config.js', 'tessera.config.mjs'];

/**
 * The configuration of a project: the file that the environment variable TESSERA_CONFIG names, else a
 * `tessera.config.ts`, `.js` or `.mjs` of the working folder or of the nearest folder above it; null where there is none.
 */
export function findConfig(from: string = process.cwd()): string | null {
  const named = process.env['TESSERA_CONFIG'];
  if (named) return resolve(from, named);
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const found = names.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return null;
  }
}
