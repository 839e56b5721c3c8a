/*
 * A convolution of 3 x 3 on an image whose pixels are repeated to 2 x 2, as four of 2 x 2 on the small image.
 */

/**
 * A filter of 3 rows on the enlarged image covers two rows of the small image, j - 1 and j. For each of these two: which
 * of the filter's rows lie on it, when the filter starts at row 2 j - 1 and when at 2 j.
 */
const MEETS = [
  [
    [1, 1, 0],
    [1, 0, 0],
  ],
  [
    [0, 0, 1],
    [0, 1, 1],
  ],
] as const;

const PAIRS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** [16, 9]: for each start of the filter and each pixel of the small image under it, the filter's pixels that are added up. */
export const SUMS = PAIRS.flatMap(([row, column]) =>
  PAIRS.map(([down, right]) => MEETS[row][down].flatMap((y) => MEETS[column][right].map((x) => y * x))),
);
