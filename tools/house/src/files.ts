import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');

/** What others write: installed packages, builds, the schema, its types and the recorded cases. */
const OTHERS =
  /(^|\/)(node_modules|dist|\.turbo|\.nx|\.git)$|^(out|runs|data|models)$|^apps\/api\/schema\.graphql$|^apps\/playground\/src\/api\/schema\.d\.ts$|^tools\/goldens\/cases$/;

/** Every file of ours below a folder of the repository. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (OTHERS.test(relative(root, path).replaceAll('\\', '/'))) return [];
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}
