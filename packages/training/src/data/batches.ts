import { keyedRng } from '@tessera/engine';
import type { ImageSize } from './data-set.ts';

/** A uniform permutation of 0..count-1 that depends only on `seed` and `epoch` (Fisher-Yates). */
export function permutation(count: number, { seed, epoch }: { seed: number; epoch: number }): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'shuffle', step: epoch, position: 0 }, count);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.min(last, Math.floor(draw[last]! * (last + 1)));
    const held = order[last]!;
    order[last] = order[other]!;
    order[other] = held;
  }
  return order;
}

/** Members of each split, ascending. */
interface HeldOut {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/**
 * Splits 0..count-1 at random into training, validation and test members. Training gets at most `limit` members, unless
 * `limit` is 0. The same seed gives the same split.
 */
export function holdOut(
  count: number,
  { validation, test, seed, limit = 0 }: { validation: number; test: number; seed: number; limit?: number | undefined },
): HeldOut {
  const shuffled = permutation(count, { seed, epoch: -1 });
  return {
    validation: shuffled.slice(0, validation).sort(),
    test: shuffled.slice(validation, validation + test).sort(),
    train: shuffled.slice(validation + test, limit > 0 ? validation + test + limit : undefined).sort(),
  };
}

/** Which images are in which batch. Every image comes once per epoch, in another order each epoch. */
interface BatchOrder {
  /** Indices of batch `number` (0, 1, 2 ...). The same number always gives the same batch. */
  batch(number: number): Int32Array;
}

/**
 * Shuffles `count` images for each epoch. A batch depends only on its number, so a resumed training sees the same batches
 * as an uninterrupted one. A batch may contain the end of one epoch and the beginning of the next; no image is left out.
 */
export function batchOrder(count: number, { batch, seed }: { batch: number; seed: number }): BatchOrder {
  const kept = new Map<number, Int32Array>();
  const epochOrder = (epoch: number): Int32Array => {
    let order = kept.get(epoch);
    if (!order) {
      order = permutation(count, { seed, epoch });
      kept.clear();
      kept.set(epoch, order);
    }
    return order;
  };
  return {
    batch: (number) =>
      Int32Array.from({ length: batch }, (_, slot) => {
        const position = number * batch + slot;
        return epochOrder(Math.floor(position / count))[position % count]!;
      }),
  };
}

/** Mirrors images left to right: all of them, or those with `chosen` 1. */
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

/** Draws which images of batch `number` are mirrored, each with probability 1/2. */
export function drawFlips(count: number, { seed, number }: { seed: number; number: number }): Uint8Array {
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'flip', step: number, position: 0 }, count);
  return Uint8Array.from(draw, (value) => Number(value < 0.5));
}

/** Draws which of several copies of each image of batch `number` is taken, each as likely. Of two it is as in `drawFlips`. */
export function drawCopies(
  count: number,
  copies: number,
  { seed, number }: { seed: number; number: number },
): Uint8Array {
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'flip', step: number, position: 0 }, count);
  return Uint8Array.from(draw, (value) => copies - 1 - Math.min(copies - 1, Math.floor(value * copies)));
}

/** Moves each image by up to `most` pixels along both axes, filling with black. Digits allow no other augmentation. */
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
