import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import { keyedRng, tensorFrom, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { latentOf, takeApart } from '@tessera/tokenizer-continuous';
import type { EncodedSplit } from '../trainer/encoded-split.ts';

/** Enough for a deviation to 1%, even of a scale of one token. */
const MOST_IMAGES = 8192;
const CHUNK = 256;
/** Below this, a scale says nothing. */
const LEAST_STD = 1e-5;

/**
 * Standard deviation of each scale's part of latents, not scaled, as their posteriors draw them: over images spread evenly
 * through the split, all positions and channels at once.
 * @throws TesseraError `latents-constant`
 */
export async function scaleStdOf(
  engine: Engine,
  patch_nums: readonly number[],
  { count, shape, read }: Pick<EncodedSplit, 'count' | 'shape' | 'read'>,
): Promise<readonly number[]> {
  const [height, width, twice] = shape as readonly [number, number, number];
  const program = engine.compile(
    (moments: Tensor4D, noise: Tensor4D) => momentsOfParts(latentOf(moments, noise), patch_nums),
    { name: 'scale-std', axes: ['B . . .', 'B . . .'] },
  );
  const rng = keyedRng([0]);
  const images = Math.min(count, MOST_IMAGES);
  const sums = patch_nums.map(() => ({ mean: 0, square: 0 }));
  for (let start = 0; start < images; start += CHUNK) {
    const size = Math.min(CHUNK, images - start);
    const members = Int32Array.from({ length: size }, (_, i) => Math.floor(((start + i) * count) / images));
    const key = { row: 0, stream: 'posterior', step: start, position: 0 };
    const noise = rng.normal(key, (size * height * width * twice) / 2);
    const moments_Bhw2z = tensorFrom(read(members), [size, height, width, twice]) as Tensor4D;
    const noise_Bhwz = tensorFrom(noise, [size, height, width, twice / 2]) as Tensor4D;
    const { mean_S, square_S } = await program(moments_Bhw2z, noise_Bhwz);
    const [means, squares] = [await mean_S.data(), await square_S.data()];
    for (const [scale, sum] of sums.entries()) {
      sum.mean += (means[scale]! * size) / images;
      sum.square += (squares[scale]! * size) / images;
    }
    tf.dispose([moments_Bhw2z, noise_Bhwz, mean_S, square_S]);
  }
  program.dispose();
  return sums.map(({ mean, square }, scale) => checked(Math.sqrt(square - mean ** 2), scale));
}

function momentsOfParts(
  latent_Bhwz: Tensor4D,
  patch_nums: readonly number[],
): { readonly mean_S: Tensor1D; readonly square_S: Tensor1D } {
  const parts = takeApart(latent_Bhwz, patch_nums);
  return {
    mean_S: tf.stack(parts.map((part) => tf.mean(part))) as Tensor1D,
    square_S: tf.stack(parts.map((part) => tf.mean(tf.square(part)))) as Tensor1D,
  };
}

function checked(std: number, scale: number): number {
  if (std >= LEAST_STD) return std;
  throw new TesseraError({
    code: 'latents-constant',
    who: 'training',
    got: `a standard deviation of ${std} at scale ${scale} of the latents`,
    expected: `more than ${LEAST_STD}, or nothing could be learnt from it`,
    next: 'Leave the scale out of patch_nums, or train the tokenizer for longer.',
  });
}
