import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import type { TrainContext } from '@tessera/core';
import { dropPathRates, type AdaLNConfig } from './config.ts';
import type { ForwardInput } from './forward.ts';

/**
 * Stochastic depth per image (Huang et al. 2016): a residual is kept where the uniform number of stream
 * `drop-path.BLOCK.BRANCH` lies below the chance of keeping it, and then divided by that chance.
 */
export function dropPath(config: AdaLNConfig, { rng, train }: TrainContext): Pick<ForwardInput, 'drop'> {
  if (!train || config.dropPath === 0) return {};
  const rates = dropPathRates(config);
  return {
    drop: (residual_BlD, { block, branch }) => {
      const keep = 1 - rates[block]!;
      if (keep === 1) return residual_BlD;
      const uniform_B11 = rng.uniform(`drop-path.${block}.${branch}`, [residual_BlD.shape[0], 1, 1]);
      const kept_B11 = tf.cast(tf.less(uniform_B11, keep), 'float32');
      return tf.mul(residual_BlD, tf.div(kept_B11, keep)) as Tensor3D;
    },
  };
}
