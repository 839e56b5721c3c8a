import { classOf, type Row } from '@tessera/core';
import type { ModelRequest, RequestedImage } from './request.ts';

/** An image for each label, -1 for one without a class. */
export function imagesOfClasses(labels: readonly number[]): RequestedImage[] {
  return labels.map((label) => ({ condition: classOf(label) }));
}

/** The rows of the sampling loop, one per image: image i has its own seed, or seed + i. */
export function rowsOf({ images, seed: first }: Pick<ModelRequest, 'images' | 'seed'>): Row[] {
  return images.map(({ condition, seed }, i) => ({ seed: seed ?? first + i, condition }));
}

/** Some images of a request as a request: they have the same seeds as in the whole, and so the same pixels. */
export function batchOf<R extends ModelRequest>(request: R, first: number, size: number): R {
  return { ...request, images: request.images.slice(first, first + size), seed: request.seed + first };
}

/** Requests that may share a batch (`batchKey`) as one request of all their images, which keep their seeds. */
export function togetherOf<R extends ModelRequest>(requests: readonly [R, ...R[]]): R {
  const [first] = requests;
  const seeded = ({ images, seed: of }: R) =>
    images.map(({ condition, seed }, i) => ({ condition, seed: seed ?? of + i }));
  return { ...first, images: requests.flatMap(seeded) };
}
