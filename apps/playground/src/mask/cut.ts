import { pixelBox, type Box, type Frame } from './frame.ts';
import { boxPixels } from './shapes.ts';

/* How a picture comes into the frame of a model: what is shown is what is sent, pixel by pixel. */

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Part extends Size {
  readonly x: number;
  readonly y: number;
}

/** The largest part of a picture that has the shape of `target`, around its middle. */
export function middlePart(picture: Size, target: Size): Part {
  const scale = Math.max(target.width / picture.width, target.height / picture.height);
  const [width, height] = [target.width / scale, target.height / scale];
  return { x: (picture.width - width) / 2, y: (picture.height - height) / 2, width, height };
}

/** The sizes at which a picture is drawn, one after the other, since no browser shrinks well by more than half at once. */
export function halvings(from: Size, to: Size): readonly Size[] {
  const half = { width: Math.ceil(from.width / 2), height: Math.ceil(from.height / 2) };
  if (half.width < to.width || half.height < to.height || half.width === from.width) return [];
  return [half, ...halvings(half, to)];
}

/** Values as `ImageData` has them: four bytes for each pixel. */
export interface Cut {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** 1 where nothing is known of the picture: around its place, and where it is transparent. */
  readonly unknown: Uint8Array;
}

/**
 * What was drawn into its place in a frame, made what the model gets: gray where it is gray, and opaque, with every unknown
 * pixel like the known one nearest to it, so that the model's tokenizer sees no hard border there.
 */
export function finishCut(drawn: Uint8ClampedArray, place: Box, frame: Frame): Cut {
  const inside = boxPixels(place, frame);
  const unknown = inside.map((one, pixel) => (one === 0 || drawn[4 * pixel + 3]! < 255 ? 1 : 0));
  const rgba = new Uint8ClampedArray(drawn);
  if (frame.channels === 1) makeGray(rgba);
  extendKnown(rgba, unknown, frame);
  for (let alpha = 3; alpha < rgba.length; alpha += 4) rgba[alpha] = 255;
  return { rgba, unknown };
}

/** Luma as the server has it (ITU-R BT.601, in fixed point): a gray picture stays as it is. */
function makeGray(rgba: Uint8ClampedArray): void {
  for (let at = 0; at < rgba.length; at += 4) {
    const luma = (19595 * rgba[at]! + 38470 * rgba[at + 1]! + 7471 * rgba[at + 2]! + 0x8000) >> 16;
    rgba.fill(luma, at, at + 3);
  }
}

function extendKnown(rgba: Uint8ClampedArray, unknown: Uint8Array, { width }: Frame): void {
  const known = unknown.map((one) => 1 - one);
  const queue = [...known.keys()].filter((pixel) => known[pixel]);
  // Breadth first: a pixel is reached first from the nearest known one.
  for (let at = 0; at < queue.length; at++) {
    const from = queue[at]!;
    const x = from % width;
    const around = [x > 0 ? from - 1 : -1, x < width - 1 ? from + 1 : -1, from - width, from + width];
    for (const to of around) {
      if (to < 0 || to >= known.length || known[to]) continue;
      known[to] = 1;
      rgba.copyWithin(4 * to, 4 * from, 4 * from + 4);
      queue.push(to);
    }
  }
}

/** Where in the frame the picture is drawn, in pixels. */
export function placePixels(place: Box, frame: Frame): Part {
  const { left, top, right, bottom } = pixelBox(place, frame);
  return { x: left, y: top, width: right - left, height: bottom - top };
}
