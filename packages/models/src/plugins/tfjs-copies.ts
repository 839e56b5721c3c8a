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

/** Runs `work` without what a second copy of tfjs says of each of its kernels: 340 lines around one `tfjs-twice`. */
export async function withoutKernelLines<T>(work: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...words: unknown[]) => {
    if (!/^The kernel '.+' for backend '.+' is already registered$/.test(String(words[0]))) warn(...words);
  };
  try {
    return await work();
  } finally {
    console.warn = warn;
  }
}
