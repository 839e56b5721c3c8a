import { TesseraError } from '@tessera/errors';

/** A rectangle x0, y0, x1, y1 in fractions of the image, from the upper left corner. */
export type Box = readonly number[];

/** Which part of a picture is redrawn, besides by a mask: one of these, or none of them. */
export interface Region {
  /** What is redrawn. */
  readonly box?: Box;
  /** Instead, everything outside of `box`. */
  readonly outside?: boolean;
  /** The picture is shrunk into this rectangle; everything around it is redrawn. */
  readonly place?: Box;
}

export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A rectangle in whole pixels, at least one each way; the ends are not part of it. */
export interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * What can be said without looking at a picture.
 * @throws TesseraError `edit-region-twice`, `edit-outside-alone`, `edit-box-invalid`
 */
export function checkRegion({ box, outside, place }: Region, hasMask: boolean, who: string): void {
  const given = [hasMask && 'a mask', box && 'a box', place && 'a place'].filter(Boolean);
  if (given.length > 1) {
    throw new TesseraError({
      code: 'edit-region-twice',
      who,
      got: given.join(' and '),
      expected: 'one of mask, box and place',
      next: 'Leave out the others.',
    });
  }
  if (outside && !box) {
    throw new TesseraError({
      code: 'edit-outside-alone',
      who,
      got: 'outside without a box',
      expected: 'the box outside of which all is redrawn',
      next: 'Add a box.',
    });
  }
  if (box) checkBox(box, 'box', who);
  if (place) checkBox(place, 'place', who);
}

function checkBox(box: Box, name: string, who: string): void {
  const [x0, y0, x1, y1] = box;
  const inside = box.every((edge) => edge >= 0 && edge <= 1);
  if (box.length === 4 && inside && x0! < x1! && y0! < y1!) return;
  throw new TesseraError({
    code: 'edit-box-invalid',
    who,
    got: `the ${name} ${box.slice(0, 8).join(',')}`,
    expected: 'x0,y0,x1,y1 from 0 to 1, x0 below x1 and y0 below y1',
    next: `Correct the ${name}: 0,0.5,1,1 is the lower half.`,
  });
}

export function pixelBox([x0, y0, x1, y1]: Box, { height, width }: Pick<ImageSize, 'height' | 'width'>): PixelBox {
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
export function boxMask(
  { left, top, right, bottom }: PixelBox,
  { height, width }: Pick<ImageSize, 'height' | 'width'>,
  outside = false,
): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const inside = x >= left && x < right && y >= top && y < bottom;
    return inside === outside ? 0 : 1;
  });
}
