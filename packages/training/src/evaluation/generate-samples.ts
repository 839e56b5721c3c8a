import type { Pixels } from '@tessera/core';
import type { Model } from '@tessera/models';

export interface SampleOrder {
  readonly labels: readonly number[];
  /** Image i has seed + i. */
  readonly seed: number;
  readonly batch: number;
  readonly guidance?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Called after every batch with the number of images made so far. */
  readonly made?: (images: number) => void;
}

/** Images of a model at its default settings, or at the given ones, in batches. */
export async function generateSamples(model: Model, order: SampleOrder): Promise<Pixels[]> {
  const { labels, seed, batch, guidance, options, signal, made } = order;
  const images: Pixels[] = [];
  for (let start = 0; start < labels.length; start += batch) {
    const events = model.generate({
      labels: labels.slice(start, start + batch),
      seed: seed + start,
      preview: 'none',
      ...(guidance !== undefined && { guidance }),
      ...(options && { options }),
      ...(signal && { signal }),
    });
    for await (const event of events) if (event.type === 'image') images.push(event.pixels);
    made?.(images.length);
  }
  return images;
}

/** Labels 0, 1, 2 ... again and again: equally many of each class, give or take one. */
export function balancedLabels(count: number, classes: number): number[] {
  return Array.from({ length: count }, (_, n) => n % classes);
}

/** Pixels of several images one after the other. */
export function joinPixels(images: readonly Pixels[]): Float32Array {
  const size = images[0]?.data.length ?? 0;
  const all = new Float32Array(size * images.length);
  for (const [n, { data }] of images.entries()) all.set(data, n * size);
  return all;
}
