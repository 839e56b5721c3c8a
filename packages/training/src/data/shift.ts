import { keyedRng } from '@tessera/engine';
import type { ImageSize } from './data-set.ts';

/** Moves each image by up to `most` pixels along both axes, filling with black: the one augmentation that digits like. */
export function shiftImages(
  pixels_BHWC: Float32Array,
  image: ImageSize,
  { most, seed, step }: { most: number; seed: number; step: number },
): Float32Array {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const count = pixels_BHWC.length / size;
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'shift', step, position: 0 }, 2 * count);
  const out = new Float32Array(pixels_BHWC.length);
  for (let n = 0; n < count; n++) {
    const down = Math.floor(draw[2 * n]! * (2 * most + 1)) - most;
    const right = Math.floor(draw[2 * n + 1]! * (2 * most + 1)) - most;
    const first = Math.max(0, right) * channels;
    const taken = (width - Math.abs(right)) * channels;
    for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
      const from = n * size + y * width * channels + Math.max(0, -right) * channels;
      out.set(pixels_BHWC.subarray(from, from + taken), n * size + (y + down) * width * channels + first);
    }
  }
  return out;
}
