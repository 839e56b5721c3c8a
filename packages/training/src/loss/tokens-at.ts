import * as tf from '@tensorflow/tfjs';
import type { Tensor2D } from '@tensorflow/tfjs';
import type { Tokens } from '@tessera/core';

/** The tokens at these positions of each image; null: all. Traceable. */
export function tokensAt(tokens: Tokens, positions_Bl: Tensor2D | null): Tokens {
  if (!positions_Bl) return tokens;
  const { values_BlC, index_Bl } = tokens;
  return {
    values_BlC: tf.gather(values_BlC, positions_Bl, 1, 1),
    ...(index_Bl && { index_Bl: tf.gather(index_Bl, positions_Bl, 1, 1) }),
  };
}
