import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';

/** Feature maps of an image in [0, 1], shallow to deep: any frozen network can say what looks alike. */
export type FeatureNetwork = (image_BHWC: Tensor4D) => readonly Tensor4D[];

/**
 * How differently two images look to a network: the mean squared distance of its feature maps, each position
 * normalised to length 1, averaged over maps (LPIPS without its learned weights, Zhang et al. 2018).
 */
export function perceptualLoss(network: FeatureNetwork, a_BHWC: Tensor4D, b_BHWC: Tensor4D): Scalar {
  const [of, other] = [network(a_BHWC), network(b_BHWC)];
  const distances = of.map((map, index) => {
    const difference = tf.sub(nn.normalize(map, 1e-6), nn.normalize(other[index]!, 1e-6));
    return tf.mean(tf.sum(tf.square(difference), -1)) as Scalar;
  });
  return tf.div(tf.addN(distances), distances.length);
}
