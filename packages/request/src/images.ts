import { classOf, type Row } from '@tessera/core';
import type { ModelRequest, RequestedImage } from './request.ts';

/** An image for each label, -1 for one without a class. */
export function imagesOfClasses(labels: readonly number[]): RequestedImage[] {
  return labels.map((label) => ({ condition: classOf(label) }));
}

/** The rows of the sampling loop, one per image: image i has seed + i. */
export function rowsOf({ images, seed }: Pick<ModelRequest, 'images' | 'seed'>): Row[] {
  return images.map(({ condition }, i) => ({ seed: seed + i, condition }));
}

/** Some images of a request as a request: they have the same seeds as in the whole, and so the same pixels. */
export function batchOf<R extends ModelRequest>(request: R, first: number, size: number): R {
  return { ...request, images: request.images.slice(first, first + size), seed: request.seed + first };
}
