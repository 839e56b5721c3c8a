import { finishCut, halvings, middlePart, placePixels, type Cut } from './cut.ts';
import type { Box, Frame } from './frame.ts';

/* The pixels of the browser: everything that is decided about them is in cut.ts. */

/** A picture as a model sees it, when it lies at a place of its frame. */
export function cutPicture(bitmap: ImageBitmap, place: Box, frame: Frame): Cut {
  const target = placePixels(place, frame);
  let part = middlePart(bitmap, target);
  let source: CanvasImageSource = bitmap;
  for (const size of halvings(part, target)) {
    const smaller = context(size.width, size.height);
    smaller.drawImage(source, part.x, part.y, part.width, part.height, 0, 0, size.width, size.height);
    source = smaller.canvas;
    part = { x: 0, y: 0, ...size };
  }
  const drawn = context(frame.width, frame.height);
  // One that has the right size is taken as it is.
  drawn.imageSmoothingEnabled = part.width !== target.width || part.height !== target.height;
  const { x, y, width, height } = target;
  drawn.drawImage(source, part.x, part.y, part.width, part.height, x, y, width, height);
  return finishCut(drawn.getImageData(0, 0, frame.width, frame.height).data, place, frame);
}

/** White where the mask has 1, black elsewhere. */
export function maskPng(mask: Uint8Array, frame: Frame): Promise<Uint8Array> {
  const rgba = new Uint8ClampedArray(4 * mask.length);
  for (const [pixel, one] of mask.entries()) rgba.set(one ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * pixel);
  return png(rgba, frame);
}

export async function png(rgba: Uint8ClampedArray<ArrayBuffer>, { width, height }: Frame): Promise<Uint8Array> {
  const drawn = context(width, height);
  drawn.putImageData(new ImageData(rgba, width, height), 0, 0);
  const blob = await drawn.canvas.convertToBlob({ type: 'image/png' });
  return new Uint8Array(await blob.arrayBuffer());
}

function context(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const drawn = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  drawn.imageSmoothingQuality = 'high';
  return drawn;
}
