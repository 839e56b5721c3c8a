import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { Kept, Tokenizer } from './contracts.ts';
import type { Step } from './tokens.ts';

type Axes3 = readonly [number, number, number];

/** @throws TesseraError `shape-mismatch` */
export function checkImage(image_BHWC: Tensor4D, image: Tokenizer['image'], who: string): void {
  const [, height, width, channels] = image_BHWC.shape;
  if (height === image.height && width === image.width && channels === image.channels) return;
  throw new TesseraError({
    code: 'shape-mismatch',
    who,
    got: `pictures of [${image_BHWC.shape}]`,
    expected: `[B, ${image.height}, ${image.width}, ${image.channels}]`,
    next: 'Crop or resize them first.',
  });
}

/** @throws TesseraError `shape-mismatch` */
export function checkTokens(tokens: Tensor, shape: Axes3, who: string): void {
  if (tokens.shape.length === shape.length && shape.every((size, axis) => tokens.shape[axis] === size)) return;
  throw new TesseraError({
    code: 'shape-mismatch',
    who,
    got: `tokens of [${tokens.shape}]`,
    expected: `[${shape}]`,
  });
}

/** @throws TesseraError `shape-mismatch` */
export function checkKept({ values_BLC, keep_L }: Kept, shape: Axes3, who: string): void {
  checkTokens(values_BLC, shape, who);
  if (keep_L.length === shape[1]) return;
  const got = `keep_L of ${keep_L.length} entries`;
  throw new TesseraError({ code: 'shape-mismatch', who, got, expected: `${shape[1]}, one a position` });
}

/** A mask has one entry for each token of the finest map. @throws TesseraError `mask-size` */
export function checkMask(mask: Uint8Array, { height, width }: { height: number; width: number }, who: string): void {
  if (mask.length === height * width) return;
  throw new TesseraError({
    code: 'mask-size',
    who,
    got: `a mask of ${mask.length} entries`,
    expected: `${height} x ${width} entries, one for each token of the finest scale`,
  });
}

/** Error `reads-unserved`, of a canvas that cannot serve a backbone. */
export function readsUnserved(reads: string, served: string, who: string): TesseraError {
  return new TesseraError({
    code: 'reads-unserved',
    who,
    got: `a backbone that reads '${reads}'`,
    expected: `one that reads '${served}'`,
    next: 'Choose another backbone, or a tokenizer whose canvas serves this.',
  });
}

/** Error `canvas-empty`, of a canvas that is to be shown before anything was written. */
export function canvasEmpty(expected: string, who: string): TesseraError {
  return new TesseraError({ code: 'canvas-empty', who, got: 'a picture asked of an empty canvas', expected });
}

interface Place {
  readonly batch: number;
  readonly length: number;
  /** Whether the token at this place of [B, L] may be written. */
  readonly free: (at: number) => boolean;
  readonly who: string;
}

/** A step has equally many tokens of every row, each of them still missing. @throws TesseraError `step-misfit` */
export function checkPositions({ index, positions_Bl }: Step, { batch, length, free, who }: Place): void {
  const count = positions_Bl.length / batch;
  const misfit = (got: string, expected: string): never => {
    const next = 'Choose an order that was opened for this request.';
    throw new TesseraError({ code: 'step-misfit', who, got: `step ${index} with ${got}`, expected, next });
  };
  if (!Number.isInteger(count)) misfit(`${positions_Bl.length} positions`, `equally many for each of ${batch} rows`);
  for (const [i, position] of positions_Bl.entries()) {
    if (!(position >= 0 && position < length)) misfit(`position ${position}`, `positions from 0 to ${length - 1}`);
    const row = Math.floor(i / count);
    if (!free(row * length + position)) misfit(`position ${position} of row ${row} again`, 'tokens still missing');
  }
}
