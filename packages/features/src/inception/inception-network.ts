import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import type { FeatureNetwork } from '@tessera/core';
import { requireImage, toRgb } from '../image-input.ts';
import { tracedProgram } from '../traced-program.ts';
import type { openInception } from './inception.ts';

const SIDE = 299;
const BATCH = 8;
const DIMS = 2048;

/** The Inception network with the resizing of pytorch-fid: what it makes of images of any size in [0, 1]. */
export function inceptionNetwork(
  network: ReturnType<typeof openInception>,
  facts: Pick<FeatureNetwork, 'name' | 'sha256' | 'licence' | 'dispose'>,
): FeatureNetwork {
  return {
    ...facts,
    dims: DIMS,
    classes: null,
    input: `gray as three channels; bilinear to ${SIDE} x ${SIDE} without antialiasing, as pytorch-fid; 2 x - 1`,
    open(engine, image) {
      requireImage('Inception', image);
      const run = (image_BHWC: Tensor4D) =>
        network(tf.sub(tf.mul(nn.resize(toRgb(image_BHWC), SIDE, SIDE, 'bilinear'), 2), 1));
      return tracedProgram(run, { name: 'inception', engine, image, dims: DIMS, batch: BATCH });
    },
  };
}
