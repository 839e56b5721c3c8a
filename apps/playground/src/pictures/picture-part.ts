import type { Step } from '../api/operations.ts';
import type { GenerationState } from '../runs/generation-state.ts';

/** A picture, or one of the equal pictures that a file holds in rows and columns. */
export interface PicturePart {
  readonly url: string;
  readonly columns: number;
  readonly rows: number;
  /** Which one, counted row by row. */
  readonly index: number;
}

/** The whole file is the picture. */
export function wholePicture(url: string): PicturePart {
  return { url, columns: 1, rows: 1, index: 0 };
}

/**
 * How an image looks after some steps: from the newest step that has a picture of it. Steps of another batch have none, and
 * neither have those that were left out for a slow client. All images of a step come from one file, its sprite.
 */
export function partAfter(steps: readonly Step[], image: number): PicturePart | null {
  const step = steps.findLast(({ previews }) => previews?.[image]);
  return step ? partOf(step, image) : null;
}

/** The picture of an image at a step, counted from 0; the finished one where `step` is `finished`. Null where none is there yet. */
export function partAt(state: GenerationState, image: number, step: number | 'finished'): PicturePart | null {
  const final = state.images[image];
  if (step === 'finished' && final !== undefined) return wholePicture(final);
  return partAfter(step === 'finished' ? state.steps : state.steps.slice(0, step + 1), image);
}

function partOf({ sprite, previews }: Step, image: number): PicturePart {
  if (!sprite) return wholePicture(previews![image]!.url);
  const columns = Math.ceil(Math.sqrt(previews!.length));
  return { url: sprite.url, columns, rows: Math.ceil(previews!.length / columns), index: image };
}
