import { TesseraError } from '@tessera/errors';
import type { EncodedSplit } from '../trainer/encoded-split.ts';

const CHUNK = 1000;
/** Below this, latents say nothing: their decoder ignores them. */
const LEAST_STD = 1e-5;

/**
 * 1 over the standard deviation of all latents of a split, as their posteriors would draw them: with it, tokens have the
 * unit variance that noise schedules expect (latent diffusion, Rombach et al. 2022, section 3.3). Means are not taken
 * off. Moments are [..., 2z]: means, then logarithms of variances.
 * @throws TesseraError `latents-constant`
 */
export function latentScaleOf({ count, shape, read }: Pick<EncodedSplit, 'count' | 'shape' | 'read'>): number {
  const twice = shape.at(-1)!;
  const half = twice / 2;
  let [sum, squares, numbers] = [0, 0, 0];
  for (let start = 0; start < count; start += CHUNK) {
    const moments = read(Int32Array.from({ length: Math.min(CHUNK, count - start) }, (_, i) => start + i));
    for (let at = 0; at < moments.length; at += twice) {
      for (let z = at; z < at + half; z++) {
        const mean = moments[z]!;
        sum += mean;
        squares += mean * mean + Math.exp(moments[z + half]!);
      }
    }
    numbers += moments.length / 2;
  }
  const std = Math.sqrt(squares / numbers - (sum / numbers) ** 2);
  if (std >= LEAST_STD) return Number((1 / std).toPrecision(6));
  throw new TesseraError({
    code: 'latents-constant',
    who: 'training',
    got: `latents with a standard deviation of ${std}`,
    expected: `more than ${LEAST_STD}, or nothing could be learnt from them`,
    next: 'Lower tokenizer.loss.kl, or train the tokenizer for longer.',
  });
}
