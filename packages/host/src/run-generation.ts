import { performance } from 'node:perf_hooks';
import type { SampleEvent } from '@tessera/core';
import type { Model } from '@tessera/models';
import { encodePng } from '@tessera/pictures';
import type { HostEvent, HostRequest } from './events.ts';
import { readEdit } from './read-edit.ts';

export interface Surroundings {
  /** Memory that the images of one batch may take together, in bytes. */
  readonly batchBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Runs one generation, in batches that fit into memory, and tells it as host events, pictures as PNG.
 * @throws whatever the model throws; the signal's reason within one step of its abort
 */
export async function* runGeneration(
  model: Model,
  { labels, seed, guidance, options, preview, edit }: HostRequest,
  { batchBytes, signal }: Surroundings,
): AsyncGenerator<HostEvent> {
  yield { type: 'started' };
  const steps: number[] = [];
  const images: number[] = [];
  const optional = {
    ...(guidance !== undefined && { guidance }),
    ...(options && { options }),
    ...(preview && { preview }),
    ...(edit && { edit: await readEdit(edit, model.image, model.name) }),
  };
  const size = Math.max(1, Math.floor(batchBytes / model.imageBytes));
  for (let first = 0; first < labels.length; first += size) {
    const batch = { first, size, labels: labels.slice(first, first + size), all: labels.length };
    let before = performance.now();
    for await (const event of model.generate({ labels: batch.labels, seed: seed + first, signal, ...optional })) {
      const milliseconds = performance.now() - before;
      (event.type === 'step' ? steps : images).push(milliseconds);
      yield await toHostEvent(event, batch, milliseconds);
      before = performance.now();
    }
  }
  const total = [...steps, ...images].reduce((sum, one) => sum + one, 0);
  yield { type: 'completed', timings: { steps, images, total } };
}

interface Batch {
  /** Its first image among all. */
  readonly first: number;
  /** Images in a batch; the last one may have fewer. */
  readonly size: number;
  /** Of its images. */
  readonly labels: readonly number[];
  /** Number of images in all batches. */
  readonly all: number;
}

async function toHostEvent(event: SampleEvent, batch: Batch, milliseconds: number): Promise<HostEvent> {
  const { first, size, labels, all } = batch;
  if (event.type === 'image') {
    return { type: 'image', index: first + event.row, png: await encodePng(event.pixels), milliseconds };
  }
  const { index, of, positions_Bl } = event.step;
  const length = positions_Bl.length / labels.length;
  const pictures = event.previews && (await Promise.all(event.previews.map(encodePng)));
  const everyImage = Array.from({ length: all }, (_, image) => image - first);
  return {
    type: 'step',
    index: Math.floor(first / size) * of + index,
    of: Math.ceil(all / size) * of,
    positions: everyImage.map((row) => (row < 0 ? [] : [...positions_Bl.subarray(row * length, (row + 1) * length)])),
    previews: pictures && everyImage.map((row) => pictures[row] ?? null),
    milliseconds,
  };
}
