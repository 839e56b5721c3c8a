import type { Append, Claimed, EventBody, GenerationEvent, NewGeneration } from '../index.ts';

/** What the processes of a simulation have done and seen: what is checked afterwards. */
export class History {
  /** Accepted generations, by id. */
  readonly accepted = new Map<string, NewGeneration>();
  /** Those that somebody has asked to delete. */
  readonly removed = new Set<string>();
  /** Which generation an idempotency key gave. */
  readonly keys = new Map<string, string>();
  readonly claims: Claimed[] = [];
  /** Events that the store has said are written. */
  readonly acknowledged: Append[] = [];
  /** What each subscriber has read, in its order. */
  readonly readings: { readonly id: string; readonly events: GenerationEvent[] }[] = [];
  /** Subscribers that have not seen the end. */
  reading = 0;
  /** What was not as it must be, as soon as somebody noticed. */
  readonly wrong: string[] = [];
}

export const STEPS = 3;

/** A step says in its duration which attempt has drawn it, and its tokens say it, too: no two draws are alike. */
export function stepOf(index: number, attempt: number): EventBody {
  const rest = { of: STEPS, positions: [[index]], previews: null, sprite: null, details: null };
  return { kind: 'step', index, ...rest, milliseconds: attempt };
}

export function tokensOf(index: number, attempt: number): Uint8Array {
  return Uint8Array.of(index, attempt);
}
