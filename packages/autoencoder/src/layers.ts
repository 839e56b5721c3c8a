import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';

/*
 * The layers of the convolutional autoencoders: the VQ-VAE of VAR and the KL-VAE of MAR, both from VQGAN (arXiv 2012.09841)
 * and latent diffusion (arXiv 2112.10752). Pure and traceable.
 */

/** One block of the encoder or decoder, under the module path of the official model. */
export interface Layer {
  readonly path: string;
  readonly forward: (x_BHWC: Tensor4D) => Tensor4D;
}

/** Is called with each layer's output as it is made. */
export type Tap = (path: string, output_BHWC: Tensor4D) => void;

/** Runs the layers one after the other. */
export function runLayers(layers: readonly Layer[], x_BHWC: Tensor4D, tap?: Tap): Tensor4D {
  return layers.reduce((x, { path, forward }) => {
    const output = forward(x);
    tap?.(path, output);
    return output;
  }, x_BHWC);
}

/** From how many channels to how many. */
export interface Channels {
  readonly from: number;
  readonly to: number;
}

/** How attention keeps its query, key and value: in one convolution `qkv`, or in `q`, `k` and `v`. */
type AttentionKind = 'fused' | 'separate';

interface BlockSpec {
  /** Groups of every group normalisation. */
  readonly groups: number;
  readonly attention: AttentionKind;
}

type Forward = Layer['forward'];

const NORM_EPS = 1e-6;

/** Makes layers, which take their parameters from `weights` under their path. */
export class Blocks {
  readonly #weights: Weights;
  readonly #spec: BlockSpec;

  constructor(weights: Weights, spec: BlockSpec) {
    this.#weights = weights;
    this.#spec = spec;
  }

  conv(path: string, channels: Channels): Layer {
    return { path, forward: this.#conv(path, channels) };
  }

  residual(path: string, { from, to }: Channels): Layer {
    const activate1 = this.#norm(`${path}.norm1`, from, nn.groupNormSilu);
    const conv1 = this.#conv(`${path}.conv1`, { from, to });
    const activate2 = this.#norm(`${path}.norm2`, to, nn.groupNormSilu);
    const conv2 = this.#conv(`${path}.conv2`, { from: to, to });
    const shortcut: Forward = from === to ? (x) => x : this.#conv(`${path}.nin_shortcut`, { from, to }, 1);
    return {
      path,
      forward: (x) => tf.add(shortcut(x), conv2(activate2(conv1(activate1(x))))),
    };
  }

  /** One head over all positions. */
  attention(path: string, channels: number): Layer {
    const norm = this.#norm(`${path}.norm`, channels);
    const queryKeyValue = this.#queryKeyValue(path, channels);
    const project = this.#conv(`${path}.proj_out`, { from: channels, to: channels }, 1);
    return {
      path,
      forward(x) {
        const [batch, height, width] = x.shape;
        const [q, k, v] = queryKeyValue(norm(x)).map(
          (part) => tf.reshape(part, [batch, 1, height * width, channels]) as Tensor4D,
        );
        const attended = nn.attention(q!, k!, v!, channels ** -0.5);
        return tf.add(x, project(tf.reshape(attended, [batch, height, width, channels])));
      },
    };
  }

  downsample(path: string, channels: number): Layer {
    const shape = { inputs: channels, outputs: channels, kernel: 3 };
    const { weight_OIHW, bias_O } = convParams(this.#weights, `${path}.conv`, shape);
    // Zeros only below and to the right, as in the official model.
    return { path, forward: (x) => nn.conv2d(x, weight_OIHW, bias_O, { stride: 2, pad: [0, 1, 0, 1] }) };
  }

  upsample(path: string, channels: number): Layer {
    const shape = { inputs: channels, outputs: channels, kernel: 3 };
    const { weight_OIHW, bias_O } = convParams(this.#weights, `${path}.conv`, shape);
    return { path, forward: (x) => nn.upsampleConv2d(x, weight_OIHW, bias_O) };
  }

  /** The normalisation before the last convolution, without its activation. */
  norm(path: string, channels: number): Layer {
    return { path, forward: this.#norm(path, channels) };
  }

  /** Activation and the last convolution. */
  convOut(path: string, channels: Channels): Layer {
    const conv = this.#conv(path, channels);
    return { path, forward: (x) => conv(nn.silu(x)) };
  }

  #queryKeyValue(path: string, channels: number): (x_BHWC: Tensor4D) => Tensor4D[] {
    if (this.#spec.attention === 'fused') {
      const qkv = this.#conv(`${path}.qkv`, { from: channels, to: 3 * channels }, 1);
      return (x) => tf.split(qkv(x), 3, 3);
    }
    const convs = ['q', 'k', 'v'].map((name) => this.#conv(`${path}.${name}`, { from: channels, to: channels }, 1));
    return (x) => convs.map((conv) => conv(x));
  }

  #conv(path: string, { from, to }: Channels, kernel = 3): Forward {
    const { weight_OIHW, bias_O } = convParams(this.#weights, path, { inputs: from, outputs: to, kernel });
    return (x) => nn.conv2d(x, weight_OIHW, bias_O, { pad: (kernel - 1) / 2 });
  }

  #norm(path: string, channels: number, normalise = nn.groupNorm): Forward {
    const { weight_C, bias_C } = normParams(this.#weights, path, channels);
    return (x) => normalise(x, weight_C, bias_C, this.#spec.groups, NORM_EPS);
  }
}

/** Parameters of a convolution, in PyTorch's layout. */
export interface ConvParams {
  readonly weight_OIHW: Tensor;
  readonly bias_O: Tensor;
}

interface ConvShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
}

/** A convolution under its official name; starts as PyTorch's does (uniform within 1 / sqrt(fan-in)). */
export function convParams(weights: Weights, name: string, { inputs, outputs, kernel }: ConvShape): ConvParams {
  const init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs * kernel * kernel) } as const;
  return {
    weight_OIHW: weights.param(`${name}.weight`, [outputs, inputs, kernel, kernel], { init, decay: true }),
    bias_O: weights.param(`${name}.bias`, [outputs], { init, decay: false }),
  };
}

/** Scale and shift of a normalisation. */
export interface NormParams {
  readonly weight_C: Tensor;
  readonly bias_C: Tensor;
}

function normParams(weights: Weights, name: string, channels: number): NormParams {
  return {
    weight_C: weights.param(`${name}.weight`, [channels], { init: { kind: 'ones' }, decay: false }),
    bias_C: weights.param(`${name}.bias`, [channels], { init: { kind: 'zeros' }, decay: false }),
  };
}
