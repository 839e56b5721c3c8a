import * as tf from '@tensorflow/tfjs';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { takeNormConv } from '../norm-conv.ts';
import type { TracedFeatures } from '../traced-program.ts';

/** One stage of inverted bottlenecks; the stride is that of its first. */
interface Stage {
  readonly kernel: number;
  readonly stride: number;
  /** Times as many channels inside of a bottleneck. */
  readonly expand: number;
  readonly to: number;
  readonly repeats: number;
}

export interface EfficientNetConfig {
  readonly stem: number;
  readonly stages: readonly Stage[];
  /** Number of features. */
  readonly head: number;
  readonly classes: number;
}

const stage = (...[kernel, stride, expand, to, repeats]: [number, number, number, number, number]): Stage => ({
  kernel,
  stride,
  expand,
  to,
  repeats,
});

/** EfficientNet-lite0: B0 (Tan and Le 2019, table 1) without squeeze and excitation, with ReLU6. */
export const lite0: EfficientNetConfig = {
  stem: 32,
  stages: [
    stage(3, 1, 1, 16, 1),
    stage(3, 2, 6, 24, 2),
    stage(5, 2, 6, 40, 2),
    stage(3, 2, 6, 80, 3),
    stage(5, 1, 6, 112, 3),
    stage(5, 2, 6, 192, 4),
    stage(3, 1, 6, 320, 1),
  ],
  head: 1280,
  classes: 1000,
};

type Classified = Required<Pick<TracedFeatures, 'features_BD' | 'logits_BK'>>;
type Layer = (x_BHWC: Tensor4D) => Tensor4D;
const FROZEN = { init: { kind: 'zeros' }, decay: false } as const;

/** Builds it on weights with the names of the package efficientnet-lite-pytorch. Images are RGB as `normalised` gives them. */
export function openEfficientNet(weights: Weights, config: EfficientNetConfig): (image_BHWC: Tensor4D) => Classified {
  const { stem, stages, head, classes } = config;
  const layers: Layer[] = [activated(stemOf(weights, stem))];
  let from = stem;
  for (const { repeats, stride, ...rest } of stages) {
    for (let i = 0; i < repeats; i++) {
      const path = `_blocks.${layers.length - 1}`;
      layers.push(bottleneck(weights, path, { ...rest, from, stride: i === 0 ? stride : 1 }));
      from = rest.to;
    }
  }
  const names = { conv: '_conv_head', norm: '_bn1' };
  layers.push(activated(takeNormConv(weights, { from, to: head, kernel: [1, 1] }, names)));
  const weight = weights.param('_fc.weight', [classes, head], FROZEN);
  const bias = weights.param('_fc.bias', [classes], FROZEN);
  return (image_BHWC) => {
    const map = layers.reduce((x, layer) => layer(x), image_BHWC);
    const features_BD = tf.mean(map, [1, 2]) as Tensor2D;
    return { features_BD, logits_BK: nn.linear(features_BD, weight, bias) as Tensor2D };
  };
}

function stemOf(weights: Weights, to: number): Layer {
  const spec = { from: 3, to, kernel: [3, 3], stride: 2, pad: 'same' } as const;
  return takeNormConv(weights, spec, { conv: '_conv_stem', norm: '_bn0' });
}

function bottleneck(
  weights: Weights,
  path: string,
  { from, to, expand, kernel, stride }: Omit<Stage, 'repeats'> & { readonly from: number },
): Layer {
  const inside = from * expand;
  const named = (conv: string, norm: string) => ({ conv: `${path}.${conv}`, norm: `${path}.${norm}` });
  const layers: Layer[] = [];
  if (expand > 1) {
    const spec = { from, to: inside, kernel: [1, 1] } as const;
    layers.push(activated(takeNormConv(weights, spec, named('_expand_conv', '_bn0'))));
  }
  const depthwise = { from: inside, to: inside, kernel: [kernel, kernel], stride, depthwise: true } as const;
  layers.push(activated(takeNormConv(weights, depthwise, named('_depthwise_conv', '_bn1'))));
  layers.push(takeNormConv(weights, { from: inside, to, kernel: [1, 1] }, named('_project_conv', '_bn2')));
  const run = (x: Tensor4D) => layers.reduce((y, layer) => layer(y), x);
  return stride === 1 && from === to ? (x) => tf.add(run(x), x) : run;
}

function activated(layer: Layer): Layer {
  return (x) => tf.relu6(layer(x));
}
