import type { Scalar, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  Blocks,
  convParams,
  decoderLayers,
  encoderLayers,
  runLayers,
  type ConvParams,
  type Layer,
  type Tap,
} from '@tessera/autoencoder';
import type { Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import type { VqConfig } from './config.ts';
import { learnToQuantize, takeQuantizer, type Quantizer } from './quantizer.ts';

/** The network with its parameters, which are borrowed from the weights. */
export interface VqVae {
  readonly config: VqConfig;
  readonly encoder: readonly Layer[];
  readonly quantConv: ConvParams;
  readonly quantizer: Quantizer;
  readonly postQuantConv: ConvParams;
  readonly decoder: readonly Layer[];
}

/** Takes every parameter under its official name. */
export function openVqVae(config: VqConfig, weights: Weights): VqVae {
  const { Cvae, quant_conv_ks, groups, in_channels, ch_mult } = config;
  const blocks = new Blocks(weights, { groups, attention: 'fused' });
  const attends = (level: number): boolean => level === ch_mult.length - 1;
  const shape = { inputs: Cvae, outputs: Cvae, kernel: quant_conv_ks };
  return {
    config,
    encoder: encoderLayers(blocks, { levels: config, inputs: in_channels, outputs: Cvae, attends }),
    quantConv: convParams(weights, 'quant_conv', shape),
    quantizer: takeQuantizer(weights, config),
    postQuantConv: convParams(weights, 'post_quant_conv', shape),
    decoder: decoderLayers(blocks, { levels: config, inputs: Cvae, outputs: in_channels, attends }),
  };
}

/** Picture in [-1, 1] to features, f = E(im) (VAR, equation 2): [B, H, W, in_channels] -> [B, h, w, Cvae]. Traceable. */
export function encodeFeatures(model: VqVae, image_BHWC: Tensor4D, tap?: Tap): Tensor4D {
  const features_BHWC = convolve(runLayers(model.encoder, image_BHWC, tap), model.quantConv);
  tap?.('quant_conv', features_BHWC);
  return features_BHWC;
}

/**
 * Quantised features to a picture around [-1, 1], unclamped, im = D(f) (VAR, equation 4): [B, h, w, Cvae] -> [B, H, W,
 * in_channels]. Traceable.
 */
export function decodeFeatures(model: VqVae, map_BHWC: Tensor4D, tap?: Tap): Tensor4D {
  const input_BHWC = convolve(map_BHWC, model.postQuantConv);
  tap?.('post_quant_conv', input_BHWC);
  return runLayers(model.decoder, input_BHWC, tap);
}

function convolve(x_BHWC: Tensor4D, { weight_OIHW, bias_O }: ConvParams): Tensor4D {
  return nn.conv2d(x_BHWC, weight_OIHW, bias_O, { pad: (weight_OIHW.shape[2]! - 1) / 2 });
}

/** One training forward of the whole network. */
export interface Reconstruction {
  /** Around [-1, 1], unclamped. */
  readonly image_BHWC: Tensor4D;
  /** The quantiser's part of the loss. */
  readonly loss: Scalar;
  readonly hits_SV: Tensor2D;
  /** What every position of every scale had to explain, [B, L, C]: dead codes may start again from these. */
  readonly residual_BLC: Tensor3D;
}

/** Pictures in [-1, 1] encoded, quantised and decoded; differentiable, straight through the quantiser. Traceable. */
export function reconstruct(model: VqVae, image_BHWC: Tensor4D): Reconstruction {
  const features_BHWC = encodeFeatures(model, image_BHWC);
  const { map_BHWC, ...learned } = learnToQuantize(model.quantizer, features_BHWC, model.config.beta);
  return { image_BHWC: decodeFeatures(model, map_BHWC), ...learned };
}
