import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import type { Discriminator } from './patch-discriminator.ts';

/**
 * The generator's part of the hinge game: made patches should look real. Its weight adapts, so that it pulls as hard as
 * the reconstruction does (VQGAN, Esser et al. 2021, section 3.1). VQGAN compares gradients at the decoder's last
 * layer; here they are compared at the image itself, which needs nothing of the decoder.
 * @param reconstruction the reconstruction loss as a function of the image
 */
export function adversarialLoss(
  made_BHWC: Tensor4D,
  { discriminator, reconstruction }: { discriminator: Discriminator; reconstruction: (made_BHWC: Tensor4D) => Scalar },
): { loss: Scalar; weight: Scalar } {
  const fooled = (image: Tensor4D): Scalar => tf.neg(tf.mean(discriminator(image)));
  const pull = norm(tf.grad((image) => reconstruction(image as Tensor4D))(made_BHWC));
  const push = norm(tf.grad((image) => fooled(image as Tensor4D))(made_BHWC));
  const ratio = tf.clipByValue(tf.div(pull, tf.add(push, 1e-4)), 0, 1e4) as Scalar;
  const weight = nn.withoutGradient(() => tf.clone(ratio));
  return { loss: tf.mul(weight, fooled(made_BHWC)), weight };
}

function norm(x: tf.Tensor): Scalar {
  return tf.sqrt(tf.sum(tf.square(x)));
}
