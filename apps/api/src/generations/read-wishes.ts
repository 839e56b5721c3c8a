import { TesseraError } from '@tessera/errors';
import type { WebhookWish } from '../webhooks/webhooks.ts';

/** Names the source in errors. */
export const who = 'createGeneration';

export const MOST_PRIORITY = 10;
/** Of an idempotency key. */
export const LONGEST_KEY = 255;

/** A field that may be left out, which null says too. */
export type Optional<T> = { readonly [K in keyof T]?: T[K] | null | undefined };

/** How a generation is queued. */
export interface Wishes {
  readonly priority: number;
  readonly deadline: Date;
  readonly idempotencyKey: string;
}

export interface HowQueued extends Optional<Wishes> {
  /** It is canceled where it has not ended in this time: the header Cancel-After. */
  readonly cancelAfterMs?: number | null;
  /** Whom to tell what becomes of it. */
  readonly webhook?: WebhookWish | null | undefined;
}

/**
 * How it is queued, checked.
 * @throws TesseraError `priority-out-of-range`, `deadline-in-past`, `idempotency-key-invalid`
 */
export function readWishes({ priority, deadline, idempotencyKey, cancelAfterMs, webhook }: HowQueued) {
  return {
    priority: readPriority(priority ?? 0),
    deadline: readDeadline(deadline),
    idempotencyKey: readKey(idempotencyKey),
    ...(cancelAfterMs && { cancelAfterMs }),
    ...(webhook && { webhook }),
  };
}

function readPriority(priority: number): number {
  if (Number.isInteger(priority) && Math.abs(priority) <= MOST_PRIORITY) return priority;
  throw refuse({
    code: 'priority-out-of-range',
    got: `priority ${priority}`,
    expected: `a whole number from -${MOST_PRIORITY} to ${MOST_PRIORITY}`,
    next: 'Correct it, or leave it out for 0.',
  });
}

function readDeadline(deadline: Date | null | undefined): Date | null {
  if (!deadline || deadline.getTime() > Date.now()) return deadline ?? null;
  throw refuse({
    code: 'deadline-in-past',
    got: `the deadline ${deadline.toISOString()}`,
    expected: 'a moment that is still to come',
    next: 'Choose a later one, or leave it out.',
  });
}

function readKey(key: string | null | undefined): string | null {
  if (key == null || (/^[\x20-\x7e]+$/.test(key) && key.length <= LONGEST_KEY)) return key ?? null;
  throw refuse({
    code: 'idempotency-key-invalid',
    got: keyInWords(key),
    expected: `1 to ${LONGEST_KEY} printable characters of ASCII`,
    next: 'Take a UUID.',
  });
}

function keyInWords(key: string): string {
  const other = /[^\x20-\x7e]/u.exec(key)?.[0];
  if (other !== undefined) return `an idempotency key that holds ${JSON.stringify(other)}`;
  return key === '' ? 'an empty idempotency key' : `an idempotency key of ${key.length} characters`;
}

export function refuse(parts: { code: string; got: string; expected: string; next: string }): TesseraError {
  return new TesseraError({ who, ...parts });
}
