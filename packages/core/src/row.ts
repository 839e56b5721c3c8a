/** One image of a request. It can be made again alone: nothing but its seed and label decides its pixels. */
export interface Row {
  /** An integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** A class, or -1 for the null class (no condition). */
  readonly label: number;
}
