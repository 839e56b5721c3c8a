import type { TesseraError } from '@tessera/errors';
import { fieldsToBlame, type ErrorCode } from '../schema/error-codes.ts';

/** What of the request is to blame, as REST writes it: GraphQL's `input` is the body, and the key of idempotency a header. */
export function fieldOf({ code, parts }: TesseraError): readonly string[] | null {
  const isWhole = parts.field?.[0] === 'input';
  const field = (isWhole ? undefined : fieldsToBlame[code as ErrorCode]) ?? parts.field;
  const own = field?.[0] === 'input' ? field.slice(1) : field;
  if (!own || own.length === 0) return null;
  return own[0] === 'idempotencyKey' ? ['Idempotency-Key'] : own;
}
