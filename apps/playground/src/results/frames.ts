import type { Step } from '../api/types.ts';
import type { GenerationState } from '../generation/generation-state.ts';

/** Where the large pictures stand: at a step, or at what is newest. */
export type Place = number | 'newest';

/** More frames than these are too small to tell apart under a small picture. */
const MOST_FRAMES = 5;

/** The scrubber's stops: one per step so far, and one for the finished images. */
export function stopsOf({ steps, images }: GenerationState): number {
  return steps.length + (images.length > 0 ? 1 : 0);
}

/** The step whose pictures and tokens are shown, and whether the finished images stand in for its pictures. */
export function shownAt(state: GenerationState, place: Place): { readonly step: number; readonly finished: boolean } {
  const last = state.steps.length - 1;
  if (place === 'newest' || place > last) return { step: last, finished: state.images.length > 0 };
  return { step: place, finished: false };
}

/** Some of the steps, evenly, with first and last: they are known before they come. */
export function framesOf(of: number): readonly number[] {
  const count = Math.min(of, MOST_FRAMES);
  return Array.from({ length: count }, (_, frame) => (count > 1 ? Math.round((frame * (of - 1)) / (count - 1)) : 0));
}

/** In CSS pixels: small pictures are enlarged by a whole number to at least `least`, large ones keep their size. */
export function shownSide(side: number, least: number): number {
  return side * Math.ceil(Math.max(1, least / side));
}

/** The newest picture of an image: steps of another batch have none. */
export function pictureAfter(steps: readonly Step[], image: number): string | null {
  return steps.findLast(({ previews }) => previews?.[image])?.previews?.[image] ?? null;
}
