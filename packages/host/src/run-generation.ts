import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { SampleEvent } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { Edit, Model } from '@tessera/models';
import { encodePng, openPicture, prepareEdit, type Picture } from '@tessera/pictures';
import { batchOf, type Checked, type EditRequest, type GenerationRequest } from '@tessera/request';
import type { HostEvent, ModelDescription, PictureFiles } from './protocol.ts';

interface RunContext {
  /** Memory that the images of one batch may take together, in bytes. */
  readonly batchBytes: number;
  readonly files: PictureFiles;
  readonly signal: AbortSignal;
}

/**
 * Runs one generation, in batches that fit into memory, and tells it as host events, pictures as PNG.
 * @throws whatever the model throws; the signal's reason within one step of its abort
 */
export async function* runGeneration(
  model: Model,
  request: Checked<GenerationRequest>,
  { batchBytes, files, signal }: RunContext,
): AsyncGenerator<HostEvent> {
  yield { type: 'started' };
  const { edit, images: all } = request;
  const place = { size: model.image, who: model.name, fileOf: (name: string) => files[name] ?? name };
  const run = { signal, ...(edit && { edit: await readEdit(edit, place) }) };
  const steps: number[] = [];
  const images: number[] = [];
  const size = Math.max(1, Math.floor(batchBytes / model.imageBytes));
  for (let first = 0; first < all.length; first += size) {
    const part = batchOf(request, first, size);
    const batch = { first, size, images: part.images.length, all: all.length };
    let before = performance.now();
    for await (const event of model.run(part, run)) {
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
  /** Images in this batch. */
  readonly images: number;
  /** Images in all batches. */
  readonly all: number;
}

async function toHostEvent(event: SampleEvent, batch: Batch, milliseconds: number): Promise<HostEvent> {
  const { first, size, images, all } = batch;
  if (event.type === 'image') {
    return { type: 'image', index: first + event.row, png: await encodePng(event.pixels), milliseconds };
  }
  const { index, of, positions_Bl } = event.step;
  const length = positions_Bl.length / images;
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

export interface EditPlace {
  /** Of the model's images. */
  readonly size: ModelDescription['image'];
  /** For errors. */
  readonly who: string;
  /** The file of a picture by its name in the edit. */
  readonly fileOf: (name: string) => string;
}

/**
 * Reads the picture and the mask of an edit and brings them to the size of a model's images.
 * @throws TesseraError `picture-missing`, and what `openPicture` and `prepareEdit` of @tessera/pictures throw
 */
export async function readEdit(edit: EditRequest, { size, who, fileOf }: EditPlace): Promise<Edit> {
  const { image, mask, ...region } = edit;
  const read = (name: string) => readPicture(fileOf(name), who);
  const pictures = { image: await read(image), ...(mask !== undefined && { mask: await read(mask) }) };
  return prepareEdit({ ...region, ...pictures }, size, who);
}

async function readPicture(path: string, who: string): Promise<Picture> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new TesseraError({
      code: 'picture-missing',
      who,
      got: 'a picture to edit that is no longer there',
      expected: 'its file',
      next: 'Upload it again.',
      cause,
    });
  });
  return openPicture(bytes, who);
}
