import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { type NormConv, takeNormConv } from '../norm-conv.ts';
import type { TracedFeatures } from '../traced-program.ts';

/*
 * Inception v3 (Szegedy et al. 2015, table 1) as FID uses it: TensorFlow's network of December 2015 with 1,008 classes. It
 * differs from torchvision's: average pooling leaves padding out, and the last block pools by maximum. Names and layout of
 * weights are those of torchvision and pytorch-fid.
 */

type Layer = (x_BHWC: Tensor4D) => Tensor4D;
type Spec = Pick<NormConv, 'to' | 'kernel' | 'stride' | 'pad'>;

/** Takes a convolution, its normalisation and ReLU, by its path. */
type Take = (path: string, from: number, spec: Spec) => Layer;

const one = (to: number): Spec => ({ to, kernel: [1, 1] });
const three = (to: number): Spec => ({ to, kernel: [3, 3], pad: [1, 1] });
const five = (to: number): Spec => ({ to, kernel: [5, 5], pad: [2, 2] });
const wide = (to: number, size: number): Spec => ({ to, kernel: [1, size], pad: [0, (size - 1) / 2] });
const tall = (to: number, size: number): Spec => ({ to, kernel: [size, 1], pad: [(size - 1) / 2, 0] });
const halved = (to: number): Spec => ({ to, kernel: [3, 3], stride: 2 });

/** TensorFlow's average pooling: zeros of the padding do not count. */
const averages: Layer = (x) => tf.avgPool(x, 3, 1, 'same');
const maxima: Layer = (x) => tf.maxPool(x, 3, 1, 'same');
const halvedMaxima: Layer = (x) => tf.maxPool(x, 3, 2, 'valid');

/** Channels of `Mixed_6d.branch1x1` that sFID reads. */
const SPATIAL = 7;

/** Builds it. It takes RGB images of 299 x 299 in [-1, 1]. */
export function openInception(weights: Weights): (image_BHWC: Tensor4D) => Required<TracedFeatures> {
  const take: Take = (path, from, spec) => {
    const layer = takeNormConv(weights, { ...spec, from }, { conv: `${path}.conv`, norm: `${path}.bn` });
    return (x) => tf.relu(layer(x));
  };
  const before = stem(take);
  const early = [
    blockA(take, 'Mixed_5b', { from: 192, pool: 32 }),
    blockA(take, 'Mixed_5c', { from: 256, pool: 64 }),
    blockA(take, 'Mixed_5d', { from: 288, pool: 64 }),
    blockB(take, 'Mixed_6a', 288),
    blockC(take, 'Mixed_6b', 128),
    blockC(take, 'Mixed_6c', 160),
  ];
  const spatial = take('Mixed_6d.branch1x1', 768, one(192));
  const late = [
    blockC(take, 'Mixed_6d', 160),
    blockC(take, 'Mixed_6e', 192),
    blockD(take, 'Mixed_7a'),
    blockE(take, 'Mixed_7b', { from: 1280, pool: averages }),
    blockE(take, 'Mixed_7c', { from: 2048, pool: maxima }),
  ];
  const frozen = { init: { kind: 'zeros' }, decay: false } as const;
  const weight = weights.param('fc.weight', [1008, 2048], frozen);
  const bias = weights.param('fc.bias', [1008], frozen);
  return (image_BHWC) => {
    const middle = early.reduce((x, block) => block(x), before(image_BHWC));
    const [batch, height, width] = middle.shape;
    const places = tf.slice(spatial(middle), [0, 0, 0, 0], [batch, height, width, SPATIAL]);
    const map = late.reduce((x, block) => block(x), middle);
    const features_BD = tf.mean(map, [1, 2]) as Tensor2D;
    return {
      features_BD,
      logits_BK: nn.linear(features_BD, weight, bias) as Tensor2D,
      spatial_BD: tf.reshape(places, [batch, height * width * SPATIAL]) as Tensor2D,
    };
  };
}

function stem(take: Take): Layer {
  return chain(
    take('Conv2d_1a_3x3', 3, halved(32)),
    take('Conv2d_2a_3x3', 32, { to: 32, kernel: [3, 3] }),
    take('Conv2d_2b_3x3', 32, three(64)),
    halvedMaxima,
    take('Conv2d_3b_1x1', 64, one(80)),
    take('Conv2d_4a_3x3', 80, { to: 192, kernel: [3, 3] }),
    halvedMaxima,
  );
}

/** 35 x 35. */
function blockA(take: Take, path: string, { from, pool }: { readonly from: number; readonly pool: number }): Layer {
  const branches = [
    take(`${path}.branch1x1`, from, one(64)),
    chain(take(`${path}.branch5x5_1`, from, one(48)), take(`${path}.branch5x5_2`, 48, five(64))),
    chain(
      take(`${path}.branch3x3dbl_1`, from, one(64)),
      take(`${path}.branch3x3dbl_2`, 64, three(96)),
      take(`${path}.branch3x3dbl_3`, 96, three(96)),
    ),
    chain(averages, take(`${path}.branch_pool`, from, one(pool))),
  ];
  return sideBySide(branches);
}

/** 35 x 35 to 17 x 17. */
function blockB(take: Take, path: string, from: number): Layer {
  const branches = [
    take(`${path}.branch3x3`, from, halved(384)),
    chain(
      take(`${path}.branch3x3dbl_1`, from, one(64)),
      take(`${path}.branch3x3dbl_2`, 64, three(96)),
      take(`${path}.branch3x3dbl_3`, 96, halved(96)),
    ),
    halvedMaxima,
  ];
  return sideBySide(branches);
}

/** 17 x 17, with `inside` channels in the convolutions of 1 x 7 and 7 x 1. */
function blockC(take: Take, path: string, inside: number): Layer {
  const from = 768;
  const branches = [
    take(`${path}.branch1x1`, from, one(192)),
    chain(
      take(`${path}.branch7x7_1`, from, one(inside)),
      take(`${path}.branch7x7_2`, inside, wide(inside, 7)),
      take(`${path}.branch7x7_3`, inside, tall(192, 7)),
    ),
    chain(
      take(`${path}.branch7x7dbl_1`, from, one(inside)),
      take(`${path}.branch7x7dbl_2`, inside, tall(inside, 7)),
      take(`${path}.branch7x7dbl_3`, inside, wide(inside, 7)),
      take(`${path}.branch7x7dbl_4`, inside, tall(inside, 7)),
      take(`${path}.branch7x7dbl_5`, inside, wide(192, 7)),
    ),
    chain(averages, take(`${path}.branch_pool`, from, one(192))),
  ];
  return sideBySide(branches);
}

/** 17 x 17 to 8 x 8. */
function blockD(take: Take, path: string): Layer {
  const from = 768;
  const branches = [
    chain(take(`${path}.branch3x3_1`, from, one(192)), take(`${path}.branch3x3_2`, 192, halved(320))),
    chain(
      take(`${path}.branch7x7x3_1`, from, one(192)),
      take(`${path}.branch7x7x3_2`, 192, wide(192, 7)),
      take(`${path}.branch7x7x3_3`, 192, tall(192, 7)),
      take(`${path}.branch7x7x3_4`, 192, halved(192)),
    ),
    halvedMaxima,
  ];
  return sideBySide(branches);
}

/** 8 x 8. */
function blockE(take: Take, path: string, { from, pool }: { readonly from: number; readonly pool: Layer }): Layer {
  const both = (name: string) =>
    sideBySide([take(`${path}.${name}a`, 384, wide(384, 3)), take(`${path}.${name}b`, 384, tall(384, 3))]);
  const branches = [
    take(`${path}.branch1x1`, from, one(320)),
    chain(take(`${path}.branch3x3_1`, from, one(384)), both('branch3x3_2')),
    chain(
      take(`${path}.branch3x3dbl_1`, from, one(448)),
      take(`${path}.branch3x3dbl_2`, 448, three(384)),
      both('branch3x3dbl_3'),
    ),
    chain(pool, take(`${path}.branch_pool`, from, one(192))),
  ];
  return sideBySide(branches);
}

function chain(...layers: readonly Layer[]): Layer {
  return (x) => layers.reduce((y, layer) => layer(y), x);
}

function sideBySide(branches: readonly Layer[]): Layer {
  return (x) =>
    tf.concat(
      branches.map((branch) => branch(x)),
      3,
    );
}
