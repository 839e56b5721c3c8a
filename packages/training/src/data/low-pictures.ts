import { setImmediate as nextTurn } from 'node:timers/promises';
import { TesseraError } from '@tessera/errors';
import { pictureText, schema, type FieldType } from '@tessera/schema';
import type { DataSet, ImageSize, Split } from './data-set.ts';

const { integer, object, optional } = schema;

/** Pictures of the images themselves as what their conditions are told: fields of `data` in a recipe, whatever its kind. */
export const pictureFields = {
  /** Each input has a field `picture` besides: the image itself, shrunk to so many pixels of height. */
  picture: optional(object({ side: integer({ min: 1, max: 256 }) }), undefined),
} as const;

export type PictureFields = { readonly picture?: FieldType<(typeof pictureFields)['picture']> };

/** Images that are read at once. */
const CHUNK = 256;

interface LowPictures {
  /** Of a picture, in pixels. */
  readonly side: number;
  /** Whether training sees the images in other ways than they are told. */
  readonly varied: boolean;
}

/**
 * A data set whose inputs show the images small (the low resolution of SR3, arXiv 2104.07636, without its blur): the mean of the
 * pixels under each of theirs.
 * @throws TesseraError `recipe-misfit` where the side does not divide that of the images, and where mirrored or varied copies are
 * trained on, which the pictures do not show
 */
export async function withPictures(data: DataSet, { side, varied }: LowPictures): Promise<DataSet> {
  const { image } = data;
  const factor = image.height / side;
  if (!Number.isInteger(factor) || !Number.isInteger(image.width / factor)) {
    const got = `data.picture.side ${side} for images of ${image.width} x ${image.height} pixels`;
    throw misfit(got, 'a side by which that of the images can be divided', 'Choose another side.');
  }
  if (varied) {
    const got = 'data.picture beside data.flips or data.copies';
    throw misfit(got, 'images that are trained on as they are, and as their pictures show them', 'Leave them out.');
  }
  const [train, validation, test] = await Promise.all(
    [data.train, data.validation, data.test].map((split) => splitWith(split, image, factor)),
  );
  return { ...data, train: train!, validation: validation!, test: test! };
}

async function splitWith(split: Split, image: ImageSize, factor: number): Promise<Split> {
  const size = image.height * image.width * image.channels;
  const inputs: (readonly unknown[])[] = [];
  for (let from = 0; from < split.count; from += CHUNK) {
    const members = Int32Array.from({ length: Math.min(CHUNK, split.count - from) }, (_, i) => from + i);
    const pixels = await split.read(members);
    for (const [slot, member] of members.entries()) {
      const picture = pictureText(shrunk(pixels.subarray(slot * size, (slot + 1) * size), image, factor));
      inputs.push((split.inputs?.[member] ?? [{}]).map((one) => ({ ...(one as object), picture })));
    }
    await nextTurn();
  }
  return { ...split, inputs };
}

/** An image of which every pixel is the mean of a square of `factor` pixels. */
function shrunk(pixels: Float32Array, { height, width, channels }: ImageSize, factor: number) {
  const small = { height: height / factor, width: width / factor, channels };
  const sums = new Float64Array(small.height * small.width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = (Math.floor(y / factor) * small.width + Math.floor(x / factor)) * channels;
      for (let c = 0; c < channels; c++) sums[to + c]! += pixels[(y * width + x) * channels + c]!;
    }
  }
  return { ...small, data: Uint8Array.from(sums, (sum) => Math.round((sum / factor ** 2) * 255)) };
}

function misfit(got: string, expected: string, next: string): TesseraError {
  return new TesseraError({ code: 'recipe-misfit', who: 'recipe', got, expected, next });
}
