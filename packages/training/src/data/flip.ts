import { keyedRng } from '@tessera/engine';
import type { ImageSize } from './data-set.ts';

/** Mirrors images left to right: all of them, or those whose `chosen` is 1. */
export function flipImages(
  pixels_BHWC: Float32Array,
  { height, width, channels }: ImageSize,
  chosen?: Uint8Array,
): Float32Array {
  const out = pixels_BHWC.slice();
  const rows = pixels_BHWC.length / (width * channels);
  for (let row = 0; row < rows; row++) {
    if (chosen && !chosen[Math.floor(row / height)]) continue;
    for (let x = 0; x < width; x++) {
      const from = (row * width + x) * channels;
      out.set(pixels_BHWC.subarray(from, from + channels), (row * width + width - 1 - x) * channels);
    }
  }
  return out;
}

/** Which images of batch `number` are mirrored: each with probability one half. */
export function drawFlips(count: number, { seed, number }: { seed: number; number: number }): Uint8Array {
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'flip', step: number, position: 0 }, count);
  return Uint8Array.from(draw, (value) => Number(value < 0.5));
}
