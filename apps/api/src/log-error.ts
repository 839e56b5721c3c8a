import { inspect } from 'node:util';
import { printableLines } from '@tessera/errors';

/** Writes an error that nobody expected to the server's output, with its stack. Its words may be a client's. */
export function logError(what: string, error: unknown): void {
  console.error(printableLines(`[api] ${what}: ${inspect(error)}`));
}
