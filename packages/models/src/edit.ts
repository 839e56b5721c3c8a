import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  sample,
  type Composition,
  type Encoding,
  type Kept,
  type Layout,
  type Pixels,
  type SampleEvent,
  type SampleRequest,
  type Tokenizer,
} from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { TesseraError, type ErrorParts } from '@tessera/errors';

/** A picture and the part of it to redraw: in-painting, out-painting, another class for a part. */
export interface Edit {
  /** Of the size and channels of the model's images, values from 0 to 1. */
  readonly image: Pixels;
  /** One entry per pixel, row by row: 0 keeps the pixel, anything else redraws it. */
  readonly repaint: Uint8Array;
}

interface EditedModel {
  readonly who: string;
  readonly image: Tokenizer['image'];
}

/** @throws TesseraError `edit-image-size`, `edit-image-values`, `edit-mask-size`, `edit-repaints-nothing` */
export function checkEdit({ image, repaint }: Edit, { who, image: own }: EditedModel): void {
  const refuse = (parts: Omit<ErrorParts, 'who'>): never => {
    throw new TesseraError({ who, ...parts });
  };
  const { data, height, width, channels } = image;
  const sameSize = height === own.height && width === own.width && channels === own.channels;
  if (!sameSize || data.length !== height * width * channels) {
    refuse({
      code: 'edit-image-size',
      got: `a picture of ${height} x ${width} pixels in ${channels} channels with ${data.length} numbers`,
      expected: `${own.height} x ${own.width} pixels in ${own.channels} channels, which its images have`,
      next: 'Scale and crop the picture first.',
    });
  }
  const wrong = data.find((value) => !(value >= 0 && value <= 1));
  if (wrong !== undefined) {
    refuse({
      code: 'edit-image-values',
      got: `a picture with the value ${wrong}`,
      expected: 'values from 0 (black) to 1 (full)',
      next: 'Divide bytes by 255.',
    });
  }
  if (repaint.length !== height * width) {
    refuse({
      code: 'edit-mask-size',
      got: `a mask of ${repaint.length} entries`,
      expected: `${height * width}, one for each of ${height} x ${width} pixels`,
      next: 'Give one entry per pixel, row by row.',
    });
  }
  if (!repaint.some(Boolean)) {
    refuse({
      code: 'edit-repaints-nothing',
      got: 'a mask that keeps every pixel',
      expected: 'at least one pixel to redraw',
      next: 'Mark what to change.',
    });
  }
}

interface SampleEditRequest extends Omit<SampleRequest, 'kept'> {
  /** Already checked. The same for every row. */
  readonly edit: Edit;
  readonly engine: Engine;
}

/**
 * Samples the tokens to redraw, conditioned on the kept tokens of a picture. Finished images have exactly the kept pixels
 * of the picture; previews show what the model made of all tokens. If every pixel is redrawn, no token is kept.
 */
export async function* sampleEdit(
  composition: Composition,
  { edit, engine, ...request }: SampleEditRequest,
): AsyncGenerator<SampleEvent> {
  const { tokenizer } = composition;
  const mask = keepGrid(edit.repaint, tokenizer.image, tokenizer.layout);
  const context = { tokenizer, engine, mask, batch: request.rows.length };
  const kept = edit.repaint.every(Boolean) ? null : await encodeKept(edit, context);
  try {
    for await (const event of sample(composition, { ...request, kept })) {
      if (event.type === 'image') yield { ...event, pixels: pasteKept(event.pixels, edit) };
      else yield event.step.index === 0 ? { ...event, given: positionsOf(kept) } : event;
    }
  } finally {
    kept?.values_BLC.dispose();
  }
}

function positionsOf(kept: Kept | null): readonly number[] {
  return kept ? [...kept.keep_L.keys()].filter((position) => kept.keep_L[position]) : [];
}

async function encodeKept({ image }: Edit, context: KeptRequest) {
  const { data, height, width, channels } = image;
  const image_1HWC = tensorFrom(Float32Array.from(data), [1, height, width, channels]) as Tensor4D;
  try {
    const encoding = await context.tokenizer.encode(image_1HWC);
    try {
      return await keptTokens(encoding, context);
    } finally {
      tf.dispose({ ...encoding });
    }
  } finally {
    image_1HWC.dispose();
  }
}

/** The made image with exactly the kept pixels of the given one. */
function pasteKept(made: Pixels, { image, repaint }: Edit): Pixels {
  const { channels } = made;
  const data = image.data.slice();
  for (const [pixel, redraw] of repaint.entries()) {
    if (redraw) data.set(made.data.subarray(pixel * channels, (pixel + 1) * channels), pixel * channels);
  }
  return { ...made, data };
}

/**
 * Turns a mask of pixels to redraw into a mask on the finest map of tokens: 1 keeps the token. A token is kept only if
 * every pixel under it is.
 */
export function keepGrid(
  repaint: Uint8Array,
  image: Pick<Tokenizer['image'], 'height' | 'width'>,
  { scales }: Layout,
): Uint8Array {
  const grid = scales.at(-1)!;
  const keep = new Uint8Array(grid.height * grid.width).fill(1);
  const rows = tokensOver(image.height, grid.height);
  const columns = tokensOver(image.width, grid.width);
  for (const [pixel, redraw] of repaint.entries()) {
    if (!redraw) continue;
    for (const row of rows(Math.floor(pixel / image.width))) {
      for (const column of columns(pixel % image.width)) keep[row * grid.width + column] = 0;
    }
  }
  return keep;
}

/** The tokens whose patch covers a pixel, along one axis: two where the border between them cuts through it. */
function tokensOver(pixels: number, tokens: number): (at: number) => readonly number[] {
  return (at) => {
    const first = Math.floor((at * tokens) / pixels);
    const last = Math.ceil(((at + 1) * tokens) / pixels) - 1;
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  };
}

interface KeptRequest {
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
  /** On the finest map of tokens, 1 = keep. */
  readonly mask: Uint8Array;
  /** Number of rows: the encoding of a single picture is repeated for all of them. */
  readonly batch: number;
}

/**
 * The kept tokens of encoded pictures, by a mask. Of encodings that are distributions, the means are taken, so nothing is
 * random. The encoding is borrowed; the caller disposes `values_BLC`.
 */
export async function keptTokens(
  encoding: Encoding,
  { tokenizer, engine, mask, batch }: KeptRequest,
): Promise<Kept & { readonly values_BLC: Tensor3D }> {
  const program = engine.compile(
    (given: Readonly<Record<string, Tensor>>) => tokenizer.draw(given as Encoding, null).values_BlC,
    { name: 'kept-tokens' },
  );
  try {
    const values_BLC = await program({ ...encoding });
    const keep_L = tokenizer.keepMask(mask);
    return { values_BLC: values_BLC.shape[0] === batch ? values_BLC : await repeat(values_BLC, batch), keep_L };
  } finally {
    program.dispose();
  }
}

/** Repeats one row; disposes it. */
async function repeat(values_1LC: Tensor3D, batch: number): Promise<Tensor3D> {
  const [, length, channels] = values_1LC.shape;
  const row = await values_1LC.data<'float32'>();
  const values = new Float32Array(batch * row.length);
  for (let i = 0; i < batch; i++) values.set(row, i * row.length);
  values_1LC.dispose();
  return tensorFrom(values, [batch, length, channels]) as Tensor3D;
}
