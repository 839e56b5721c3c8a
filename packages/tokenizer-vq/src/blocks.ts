import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import type { Layer } from './layer.ts';
import { convParams, normParams, type NormParams } from './params.ts';

/** From how many channels to how many. */
export interface Channels {
  readonly from: number;
  readonly to: number;
}

/** Makes the layers of one model: they take their parameters from `weights`, by path. */
export interface Blocks {
  conv(path: string, channels: Channels): Layer;
  residual(path: string, channels: Channels): Layer;
  attention(path: string, channels: number): Layer;
  downsample(path: string, channels: number): Layer;
  upsample(path: string, channels: number): Layer;
  /** The normalisation before the last convolution, without its activation. */
  norm(path: string, channels: number): Layer;
  /** Activation and the last convolution. */
  convOut(path: string, channels: Channels): Layer;
}

const NORM_EPS = 1e-6;

/** Blocks of the official encoder and decoder; every group normalisation has `groups` groups. */
export function blocksOf(weights: Weights, groups: number): Blocks {
  const normalise = (x_BHWC: Tensor4D, { weight_C, bias_C }: NormParams): Tensor4D =>
    nn.groupNorm(x_BHWC, weight_C, bias_C, groups, NORM_EPS);
  const convolution = (path: string, { from, to }: Channels, kernel = 3): ((x_BHWC: Tensor4D) => Tensor4D) => {
    const { weight_OIHW, bias_O } = convParams(weights, path, { inputs: from, outputs: to, kernel });
    return (x) => nn.conv2d(x, weight_OIHW, bias_O, { pad: (kernel - 1) / 2 });
  };

  function residual(path: string, { from, to }: Channels): Layer {
    const norm1 = normParams(weights, `${path}.norm1`, from);
    const conv1 = convolution(`${path}.conv1`, { from, to });
    const norm2 = normParams(weights, `${path}.norm2`, to);
    const conv2 = convolution(`${path}.conv2`, { from: to, to });
    const shortcut = from === to ? null : convolution(`${path}.nin_shortcut`, { from, to }, 1);
    return {
      path,
      forward(x) {
        const inner = conv1(nn.silu(normalise(x, norm1)));
        const added = conv2(nn.silu(normalise(inner, norm2)));
        return tf.add(shortcut === null ? x : shortcut(x), added);
      },
    };
  }

  function attention(path: string, channels: number): Layer {
    const norm = normParams(weights, `${path}.norm`, channels);
    const qkv = convolution(`${path}.qkv`, { from: channels, to: 3 * channels }, 1);
    const project = convolution(`${path}.proj_out`, { from: channels, to: channels }, 1);
    return {
      path,
      forward(x) {
        const [batch, height, width] = x.shape;
        const heads = tf.split(qkv(normalise(x, norm)), 3, 3);
        const [q, k, v] = heads.map((head) => tf.reshape(head, [batch, 1, height * width, channels]));
        const attended = nn.attention(q as Tensor4D, k as Tensor4D, v as Tensor4D, channels ** -0.5);
        return tf.add(x, project(tf.reshape(attended, [batch, height, width, channels])));
      },
    };
  }

  function downsample(path: string, channels: number): Layer {
    const shape = { inputs: channels, outputs: channels, kernel: 3 };
    const { weight_OIHW, bias_O } = convParams(weights, `${path}.conv`, shape);
    // Zeros only below and to the right, as the official model has it.
    return { path, forward: (x) => nn.conv2d(x, weight_OIHW, bias_O, { stride: 2, pad: [0, 1, 0, 1] }) };
  }

  function upsample(path: string, channels: number): Layer {
    const conv = convolution(`${path}.conv`, { from: channels, to: channels });
    return { path, forward: (x) => conv(nn.upsample2x(x)) };
  }

  function norm(path: string, channels: number): Layer {
    const params = normParams(weights, path, channels);
    return { path, forward: (x) => normalise(x, params) };
  }

  function convOut(path: string, channels: Channels): Layer {
    const conv = convolution(path, channels);
    return { path, forward: (x) => conv(nn.silu(x)) };
  }

  const conv = (path: string, channels: Channels): Layer => ({ path, forward: convolution(path, channels) });
  return { conv, residual, attention, downsample, upsample, norm, convOut };
}
