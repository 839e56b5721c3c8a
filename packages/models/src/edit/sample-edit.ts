import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { sample, type Composition, type SampleEvent, type SampleRequest } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { pasteKept, type Edit } from './edit.ts';
import { keepGrid } from './keep-grid.ts';
import { keptTokens, type KeptRequest } from './kept-tokens.ts';

export interface SampleEditRequest extends Omit<SampleRequest, 'kept'> {
  /** Already checked; it holds for every row. */
  readonly edit: Edit;
  readonly engine: Engine;
}

/**
 * `sample` around the kept tokens of a picture. Finished images have the kept pixels of the picture, exactly; previews
 * show what the model made of everything. Where every pixel is redrawn, no token is kept.
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
      yield event.type === 'image' ? { ...event, pixels: pasteKept(event.pixels, edit) } : event;
    }
  } finally {
    kept?.values_BLC.dispose();
  }
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
