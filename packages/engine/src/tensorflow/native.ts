import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../ops/', import.meta.url));

/** How C++ is compiled: no loop becomes vector code where `errno` or traps count. */
export const FLAGS: readonly string[] = ['-O3', '-fno-math-errno', '-fno-trapping-math', '-fPIC', '-std=c++17'];

/** Our own ops of TensorFlow, which become part of the binding. */
export function ownSources(): readonly string[] {
  return files()
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(folder, name));
}

let hash: string | null = null;

/** The file of the binding. Another Tessera has other ops and so another file: clones share the rest of the cache. */
export function bindingFile(variant: 'cpu' | 'gpu'): string {
  hash ??= [...FLAGS, ...files().map((name) => readFileSync(join(folder, name), 'utf8'))]
    .reduce((sum, part) => sum.update(part).update('\0'), createHash('sha256'))
    .digest('hex')
    .slice(0, 12);
  return `binding-${variant}-${hash}.node`;
}

function files(): readonly string[] {
  return readdirSync(folder).sort();
}
