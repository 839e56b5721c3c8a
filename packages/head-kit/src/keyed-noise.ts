import type { SampleContext } from '@tessera/core';
import type { DrawKey } from '@tessera/engine';

/**
 * The key of the random numbers of one token of a step: the image it belongs to, the step and its position. Tokens lie
 * image after image, equally many of each. A stream must be added; what is drawn with it depends on the image's own seed
 * alone, so that an image is the same alone and in a batch.
 * @param token index into `positions_Bl`
 */
export function tokenKey(
  token: number,
  positions_Bl: Int32Array,
  { rows, step }: Pick<SampleContext, 'rows' | 'step'>,
): Omit<DrawKey, 'stream'> {
  const perRow = positions_Bl.length / rows.length;
  return { row: Math.floor(token / perRow), step: step.index, position: positions_Bl[token]! };
}

/**
 * `count` standard normal numbers for every token of a step: [B l, count], row-major. One draw per token, so a head that
 * needs several (a denoising chain) asks for all of them at once.
 */
export function noisePerToken(
  positions_Bl: Int32Array,
  { stream, count }: { readonly stream: string; readonly count: number },
  context: Pick<SampleContext, 'rows' | 'step' | 'rng'>,
): Float32Array {
  const noise = new Float32Array(positions_Bl.length * count);
  for (const token of positions_Bl.keys()) {
    const key = { ...tokenKey(token, positions_Bl, context), stream };
    noise.set(context.rng.normal(key, count), token * count);
  }
  return noise;
}
