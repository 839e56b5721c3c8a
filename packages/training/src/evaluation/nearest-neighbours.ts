import type { Split } from '../data/data-set.ts';

/** The training image nearest to each sample. It shows whether a generator has memorised its training images. */
interface Neighbours {
  /** Index within the split. */
  readonly index_N: Int32Array;
  /** Squared distance per pixel. */
  readonly distance_N: Float32Array;
}

const CHUNK = 1024;

/** Finds the nearest image to every sample, by squared pixel distance, in one pass over the split. */
export async function nearestNeighbours(samples: readonly Float32Array[], split: Split): Promise<Neighbours> {
  const index_N = new Int32Array(samples.length).fill(-1);
  const distance_N = new Float32Array(samples.length).fill(Infinity);
  for (let start = 0; start < split.count; start += CHUNK) {
    const count = Math.min(CHUNK, split.count - start);
    const pixels = await split.read(Int32Array.from({ length: count }, (_, i) => start + i));
    const size = pixels.length / count;
    for (let i = 0; i < count; i++) {
      for (const [n, sample] of samples.entries()) {
        const distance = squaredDistance(sample, pixels.subarray(i * size, (i + 1) * size), distance_N[n]! * size);
        if (distance / size < distance_N[n]!) {
          distance_N[n] = distance / size;
          index_N[n] = start + i;
        }
      }
    }
  }
  return { index_N, distance_N };
}

/** Stops as soon as the sum reaches `limit`, because most images are far away. */
function squaredDistance(a: Float32Array, b: Float32Array, limit: number): number {
  let sum = 0;
  for (let i = 0; i < a.length && sum < limit; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
