import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';

/* What the attention of all backbones shares. The attention itself is `nn.attention` of the engine. */

/** Far below every score, so that softmax gives exactly 0; finite, since infinities turn into NaN where all are hidden. */
export const HIDDEN = -1e9;

/** [R, l, heads, head size] -> [R, heads, l, head size]. Traceable. */
export function headsFirst(x_RlNH: Tensor): Tensor4D {
  return tf.transpose(x_RlNH, [0, 2, 1, 3]) as Tensor4D;
}
