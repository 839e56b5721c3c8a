import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { FactorSpace, HeadPlugin, Space } from '@tessera/core';

/*
 * The codes by which the kit judges heads that draw entries of codebooks: the indices of a codebook or, of tokens of
 * factors, the combinations of the first ones. Factors are taught as independent of one another given the hidden state: a
 * head that draws them so is sound, and guidance of their logarithms is then exact in whatever order they are drawn.
 */

/** Combinations that are judged at most: so few that 80 taught tokens show the probability of each. */
const MOST = 16;

/** Whether a head draws entries of codebooks, rather than values. */
export const drawsCodes = ({ space }: Pick<HeadPlugin, 'space'>): boolean => space !== 'continuous';

/** How many codes there are. */
export function codesIn(space: Space): number {
  if (space.kind === 'factors') return judged(space).reduce((product, levels) => product * levels, 1);
  return space.kind === 'discrete' ? space.vocabulary : 0;
}

/** Levels of the first factors, as many as are judged; of a first one with very many levels some of them. */
export function judged({ factors }: FactorSpace): number[] {
  const sizes: number[] = [];
  let left = MOST;
  for (const { levels } of factors) {
    const size = Math.min(levels, left);
    if (size < levels && sizes.length > 0) break;
    sizes.push(size);
    left = Math.floor(left / size);
  }
  return sizes;
}

/** Level of a factor in a code: the first factor is the fastest. */
function levelIn(code: number, f: number, sizes: readonly number[]): number {
  if (f >= sizes.length) return 0;
  const stride = sizes.slice(0, f).reduce((product, size) => product * size, 1);
  return Math.floor(code / stride) % sizes[f]!;
}

/** The values of every code, [codes, C]; factors that are not judged keep their first level. Traceable. */
export function bookOf(space: Exclude<Space, { kind: 'continuous' }>): Tensor2D {
  if (space.kind === 'discrete') return space.codebook_VC;
  const sizes = judged(space);
  const codes = Array.from({ length: codesIn(space) }, (_, code) => code);
  const parts = space.codebooks.map((book, f) =>
    tf.gather(
      book,
      tf.tensor1d(
        codes.map((code) => levelIn(code, f, sizes)),
        'int32',
      ),
    ),
  );
  return tf.concat(parts, 1) as Tensor2D;
}

/** The code of each token by its values, [B, l, C]: that of the nearest entries, which `strayFactor` finds to be entries. */
export async function codesAt(values: Float32Array, space: FactorSpace): Promise<Int32Array> {
  const sizes = judged(space);
  const codes = new Int32Array(values.length / space.channels);
  let [start, stride] = [0, 1];
  for (const [f, size] of sizes.entries()) {
    const { channels } = space.factors[f]!;
    const book = await space.codebooks[f]!.data();
    for (const token of codes.keys()) {
      const from = token * space.channels + start;
      codes[token]! += stride * Math.min(size - 1, nearest(values.subarray(from, from + channels), book));
    }
    start += channels;
    stride *= size;
  }
  return codes;
}

function nearest(own: Float32Array, book: ArrayLike<number>): number {
  let [best, least] = [0, Infinity];
  for (let level = 0; level < book.length / own.length; level++) {
    const far = own.reduce((sum, value, c) => sum + (value - book[level * own.length + c]!) ** 2, 0);
    if (far < least) [best, least] = [level, far];
  }
  return best;
}

/** Chances of the levels of a factor before they are shuffled: the first is the likeliest, the others are alike. */
export function levelChances(levels: number): number[] {
  const weights = Array.from({ length: levels }, (_, level) => (level > 0 ? 1 : levels === 2 ? 3 : 2));
  const sum = weights.reduce((total, one) => total + one, 0);
  return weights.map((one) => one / sum);
}
