import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KERNELS, VERSION, type Variant } from './sources.ts';

const folder = fileURLToPath(new URL('./../ops/', import.meta.url));

/** How C++ is compiled: no loop becomes vector code where `errno` or traps count. The last two are as the wheel was made. */
export const FLAGS: readonly string[] = [
  ...['-O3', '-fno-math-errno', '-fno-trapping-math', '-fPIC', '-std=c++17'],
  ...['-D_GLIBCXX_USE_CXX11_ABI=1', '-DEIGEN_MAX_ALIGN_BYTES=64'],
];

/** Our own ops of TensorFlow, which become part of the binding. */
export function ownSources(): readonly string[] {
  return files()
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(folder, name));
}

let hash: string | null = null;

/**
 * The file of the binding. Another Tessera has other ops or another TensorFlow, and so another file: clones share the
 * rest of the cache.
 */
export function bindingFile(variant: Variant): string {
  hash ??= hashOfSources();
  return `binding-${variant}-${hash}.node`;
}

/** Sources and headers, and nothing that an editor leaves beside them. */
function files(): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /^\w+\.(cc|h)$/.test(name))
    .sort();
}

function hashOfSources(): string {
  const contents = files().map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n'));
  const made = JSON.stringify([VERSION, KERNELS, FLAGS, contents]);
  return createHash('sha256').update(made).digest('hex').slice(0, 12);
}
