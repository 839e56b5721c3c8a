import { printableLines } from './printable.ts';

/**
 * Where an error began, for whom the environment variable TESSERA_DEBUG is `1`: the stack of its deepest cause. Null
 * for others, and for errors without a cause.
 */
export function causeStack(error: unknown, environment: NodeJS.ProcessEnv = process.env): string | null {
  if (environment['TESSERA_DEBUG'] !== '1' || !(error instanceof Error)) return null;
  let deepest: Error = error;
  while (deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest === error || deepest.stack === undefined ? null : printableLines(deepest.stack);
}
