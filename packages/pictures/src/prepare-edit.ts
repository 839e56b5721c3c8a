import type { Pixels } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { checkRegion, type Box, type Region } from '@tessera/request';
import { fitPicture, transparentPixels, whitePixels, type ImageSize } from './fit-picture.ts';
import type { Picture } from './open-picture.ts';

/** A picture and what is to change of it. Without mask, box and place, its transparent parts are redrawn. */
export interface PictureEdit extends Region {
  readonly image: Picture;
  /** White is redrawn, black stays; of the shape of the picture or of the model's images. */
  readonly mask?: Picture;
}

/** The same at the size of a model's images: `Edit` of @tessera/models. */
interface PreparedEdit {
  readonly image: Pixels;
  readonly repaint: Uint8Array;
}

/** How far two shapes may differ: sides are whole pixels. */
const SAME_SHAPE = 0.02;

/**
 * Brings a picture and what is to change of it to the size of a model's images. What is not known of the picture,
 * around its place or where it is transparent, is filled from its edges.
 * @throws TesseraError `edit-region-twice`, `edit-outside-alone`, `edit-box-invalid`, `edit-mask-shape`,
 * `edit-repaints-nothing`, `picture-broken`
 */
export async function prepareEdit(edit: PictureEdit, size: ImageSize, who: string): Promise<PreparedEdit> {
  checkRegion(edit, edit.mask !== undefined, who);
  const prepared = edit.mask
    ? await byMask(edit.image, edit.mask, { size, who })
    : edit.place
      ? await byPlace(edit.image, edit.place, { size, who })
      : await byBox(edit, { size, who });
  if (prepared.repaint.some(Boolean)) return prepared;
  throw new TesseraError({
    code: 'edit-repaints-nothing',
    who,
    got: edit.mask ? 'a mask without white' : 'a picture of which everything stays',
    expected: 'a part to redraw',
    next: edit.mask ? 'Paint white what is to change.' : 'Say it by a mask, a box or a place.',
  });
}

/** The picture as the model gets it, gray where it is redrawn. */
export function showKept({ image, repaint }: PreparedEdit): Pixels {
  const data = image.data.map((value, i) => (repaint[Math.floor(i / image.channels)] ? 0.5 : value));
  return { ...image, data };
}

interface Place {
  readonly size: ImageSize;
  readonly who: string;
}

async function byMask(image: Picture, mask: Picture, { size, who }: Place): Promise<PreparedEdit> {
  if (!sameShape(mask, image) && !sameShape(mask, size)) {
    throw new TesseraError({
      code: 'edit-mask-shape',
      who,
      got: `a mask of ${mask.width} x ${mask.height} pixels`,
      expected: `the shape of the picture, ${image.width} x ${image.height}, or of the model's images, ${size.width} x ${size.height}`,
      next: 'Make the mask from the picture.',
    });
  }
  return { image: await fitPicture(image, size, who), repaint: await whitePixels(mask, size, who) };
}

/** By a box, by what is transparent, or by both. */
async function byBox({ image, box, outside }: PictureEdit, { size, who }: Place): Promise<PreparedEdit> {
  const unknown = await transparentPixels(image, size, who);
  const chosen = box && boxMask(pixelBox(box, size), size, outside);
  return {
    image: extendKnown(await fitPicture(image, size, who), unknown),
    repaint: unknown.map((one, pixel) => one | (chosen?.[pixel] ?? 0)),
  };
}

async function byPlace(image: Picture, place: readonly number[], { size, who }: Place): Promise<PreparedEdit> {
  const box = pixelBox(place, size);
  const small = { height: box.bottom - box.top, width: box.right - box.left, channels: size.channels };
  const shrunk = await fitPicture(image, small, who);
  const holes = await transparentPixels(image, small, who);
  const data = new Float32Array(size.height * size.width * size.channels);
  const repaint = new Uint8Array(size.height * size.width).fill(1);
  const stride = small.width * size.channels;
  for (let y = 0; y < small.height; y++) {
    const at = (box.top + y) * size.width + box.left;
    data.set(shrunk.data.subarray(y * stride, (y + 1) * stride), at * size.channels);
    repaint.set(holes.subarray(y * small.width, (y + 1) * small.width), at);
  }
  return { image: extendKnown({ ...size, data }, repaint), repaint };
}

type Shape = Pick<ImageSize, 'height' | 'width'>;

function sameShape(a: Shape, b: Shape): boolean {
  return Math.abs((a.width * b.height) / (a.height * b.width) - 1) < SAME_SHAPE;
}

/** A rectangle in whole pixels, at least one each way; the ends are not part of it. */
interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A rectangle in fractions of an image, in whole pixels. */
function pixelBox([x0, y0, x1, y1]: Box, { height, width }: Shape): PixelBox {
  const left = Math.min(width - 1, Math.round(x0! * width));
  const top = Math.min(height - 1, Math.round(y0! * height));
  return {
    left,
    top,
    right: Math.max(left + 1, Math.round(x1! * width)),
    bottom: Math.max(top + 1, Math.round(y1! * height)),
  };
}

/** 1 inside of a rectangle, row by row; `outside` inverts. */
function boxMask({ left, top, right, bottom }: PixelBox, { height, width }: Shape, outside = false): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const inside = x >= left && x < right && y >= top && y < bottom;
    return inside === outside ? 0 : 1;
  });
}

/**
 * The picture with every unknown pixel (1 in `unknown`) painted like the known one nearest to it, counted along rows
 * and columns: edges are continued outward. A tokenizer then sees no hard border around unknown parts.
 */
function extendKnown(picture: Pixels, unknown: Uint8Array): Pixels {
  const { height, width, channels } = picture;
  const data = picture.data.slice();
  const known = Uint8Array.from(unknown, (one) => (one ? 0 : 1));
  const queue: number[] = [];
  for (const [pixel, is] of known.entries()) if (is) queue.push(pixel);
  // Breadth first: a pixel is reached first from the nearest known one.
  for (let at = 0; at < queue.length; at++) {
    const from = queue[at]!;
    const x = from % width;
    const neighbours = [x > 0 && from - 1, x < width - 1 && from + 1, from - width, from + width];
    for (const to of neighbours) {
      if (to === false || to < 0 || to >= height * width || known[to]) continue;
      known[to] = 1;
      data.copyWithin(to * channels, from * channels, (from + 1) * channels);
      queue.push(to);
    }
  }
  return { ...picture, data };
}
