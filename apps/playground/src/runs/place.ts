import type { GenerationState } from './generation-state.ts';

/** Where a room stands in a run: at a step, counted from 0, or at what is newest. */
export type Place = number | 'newest';

/** Stops to go through: one per step so far, and one for the finished images. */
export function stopsOf({ steps, images }: GenerationState): number {
  return steps.length + (images.length > 0 ? 1 : 0);
}

/** The step whose pictures and tokens are shown, and whether the finished images stand in for its pictures. */
export function shownAt(state: GenerationState, place: Place): { readonly step: number; readonly finished: boolean } {
  const last = state.steps.length - 1;
  if (place === 'newest' || place > last) return { step: last, finished: state.images.length > 0 };
  return { step: place, finished: false };
}

/** One stop on or back; the last is `newest`, which goes along with what comes. */
export function stepBy(state: GenerationState, place: Place, by: number): Place {
  const end = stopsOf(state) - 1;
  const { step, finished } = shownAt(state, place);
  const next = Math.max(0, (finished ? step + 1 : step) + by);
  return next >= end ? 'newest' : next;
}

export function placeName(state: GenerationState, place: Place): string {
  const { step, finished } = shownAt(state, place);
  return finished ? 'Finished' : `Step ${step + 1} of ${state.steps[step]?.of ?? 1}`;
}
