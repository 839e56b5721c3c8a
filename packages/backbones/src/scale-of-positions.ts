import type { Layout } from '@tessera/core';

/** Index of the scale of each of the first `length` positions. */
export function scaleOfPositions({ scales }: Layout, length: number): Int32Array {
  const scaleOf = new Int32Array(length);
  for (const [index, { start }] of scales.entries()) scaleOf.fill(index, start);
  return scaleOf;
}
