import type { Timings } from '@tessera/host';
import type { GenerationRequest } from './edit-request.ts';

export type GenerationState = 'queued' | 'running' | 'completed' | 'failed' | 'canceled';

/** Why something did not work, as data. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** One generation as stored. */
export interface Generation {
  readonly id: string;
  readonly request: GenerationRequest;
  readonly state: GenerationState;
  /** Number of its newest event. */
  readonly lastSeq: number;
  /** SHA-256 of each finished image's PNG. */
  readonly images: readonly string[];
  readonly failure: Failure | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** What an event says. Pictures are SHA-256 of stored PNGs, never bytes. */
export type EventBody =
  | { readonly kind: 'queued'; readonly position: number }
  | { readonly kind: 'started' }
  | {
      readonly kind: 'step';
      readonly index: number;
      readonly of: number;
      /** One list per image, empty for images of another batch, or a single list that holds for all. */
      readonly positions: readonly (readonly number[])[];
      /** Null for images of another batch. */
      readonly previews: readonly (string | null)[] | null;
      readonly milliseconds: number;
    }
  | { readonly kind: 'completed'; readonly images: readonly string[]; readonly timings: Timings }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'canceled' };

/** An event with its place in the log: `seq` counts from 1 without gaps. */
export type GenerationEvent = EventBody & { readonly seq: number; readonly at: Date };

/** True for the kinds of which every generation gets exactly one, at its end. */
export function isLast(kind: EventBody['kind']): boolean {
  return kind === 'completed' || kind === 'failed' || kind === 'canceled';
}
