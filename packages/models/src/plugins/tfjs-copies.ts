import { createRequire } from 'node:module';
import { TesseraError } from '@tessera/errors';

const require = createRequire(import.meta.url);
const entry = /^(.*[\\/]@tensorflow[\\/]tfjs-core)[\\/]dist[\\/]/;

/** Folders of @tensorflow/tfjs-core whose code is loaded, by the paths of the modules in memory. */
export function tfjsCopies(loaded: readonly string[] = Object.keys(require.cache)): readonly string[] {
  return [...new Set(loaded.flatMap((path) => entry.exec(path)?.[1] ?? []))];
}

/**
 * Two copies of tfjs do not know each other's tensors: a plug-in that brings its own fails in odd ways. Null where there
 * is one.
 */
export function tfjsTwice(copies: readonly string[] = tfjsCopies()): TesseraError | null {
  if (copies.length < 2) return null;
  return new TesseraError({
    code: 'tfjs-twice',
    who: 'plug-ins',
    got: `${copies.length} copies of @tensorflow/tfjs-core: ${copies.join(' and ')}`,
    expected: 'one, which every plug-in has as a peer dependency',
    next: 'Find who brings the other with npm ls @tensorflow/tfjs-core, and run npm dedupe.',
  });
}
