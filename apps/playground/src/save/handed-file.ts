import type { Recipe } from './recipe.ts';

/* A picture that was dropped in one room and is to be worked on in another: it has no address. */

export interface Handed {
  readonly file: File;
  /** The settings in it; null of a picture without them. */
  readonly recipe: Recipe | null;
}

let handed: Handed | null = null;

export function handFile(file: Handed): void {
  handed = file;
}

/** The file that was handed over, once; null where there is none. */
export function takeFile(): Handed | null {
  const file = handed;
  handed = null;
  return file;
}
