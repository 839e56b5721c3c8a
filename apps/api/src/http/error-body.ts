import type { TesseraError } from '@tessera/errors';

/** An error as every route but GraphQL's own sends it: in GraphQL's shape. */
export function asErrors({ code, message }: TesseraError): object {
  return { errors: [{ message, extensions: { code } }] };
}
