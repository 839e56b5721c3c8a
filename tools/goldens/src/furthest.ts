import { TesseraError } from '@tessera/errors';

/** Largest absolute difference; NaN where either side has one. @throws TesseraError `golden-lengths` */
export function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new TesseraError({
      code: 'golden-lengths',
      who: 'furthest',
      got: `${a.length} numbers against ${b.length}`,
      expected: 'equally many',
    });
  }
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
