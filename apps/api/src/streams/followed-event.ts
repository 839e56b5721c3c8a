import type { GenerationEvent } from '@tessera/store';

/** Where a waiting generation stands now. It is never stored: `seq` repeats that of the last stored event. */
export interface WaitingEvent {
  readonly kind: 'waiting';
  readonly seq: number;
  readonly at: Date;
  /** Generations that will begin before it. */
  readonly position: number;
  /** Ready workers that have its model: at none it waits until one comes. */
  readonly workers: number;
  /** Estimated time until it begins; null where nothing is known of its models' speed, or no worker has its model. */
  readonly milliseconds: number | null;
}

/** What followers of a generation get. */
export type FollowedEvent = GenerationEvent | WaitingEvent;

const lean = new WeakMap<GenerationEvent, GenerationEvent>();

/** The event without its pictures: the same object for everybody who asks. */
export function withoutPreviews(event: GenerationEvent & { kind: 'step' }): GenerationEvent {
  const known = lean.get(event) ?? { ...event, previews: null, sprite: null };
  lean.set(event, known);
  return known;
}
