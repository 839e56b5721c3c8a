import { printable } from './printable.ts';

/** One sentence for a rejected promise that a plug-in left alone. */
export function nobodyAwaited(error: unknown): string {
  return `[plug-ins] got an error that nobody awaited (${printable(String(error))}); expected every promise to be awaited.`;
}
