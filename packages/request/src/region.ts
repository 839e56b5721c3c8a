import { TesseraError } from '@tessera/errors';

/** A rectangle x0, y0, x1, y1 in fractions of the image, from the upper left corner. */
export type Box = readonly number[];

/** Which part of a picture is redrawn where no mask says so: by `box`, by `place`, or by neither. */
export interface Region {
  /** What is redrawn. */
  readonly box?: Box;
  /** Redraw everything outside of `box` instead. */
  readonly outside?: boolean;
  /** The picture is shrunk into this rectangle; everything around it is redrawn. */
  readonly place?: Box;
}

/** A picture of which a part is redrawn. How a picture is named is up to the border: an id of the API, or a path. */
export interface EditRequest extends Region {
  readonly image: string;
  /** A picture too: white is redrawn, black stays. */
  readonly mask?: string;
}

/**
 * Checks a region as far as that needs no picture.
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
      expected: 'the box outside of which everything is redrawn',
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
