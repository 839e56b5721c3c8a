import type { Tensor4D } from '@tensorflow/tfjs';
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
import { encoderAttends, type KlConfig } from './config.ts';
import { clampMoments } from './posterior.ts';

/** The network with its parameters, which belong to whoever gave the weights. */
export interface KlVae {
  readonly config: KlConfig;
  readonly encoder: readonly Layer[];
  readonly quantConv: ConvParams;
  readonly postQuantConv: ConvParams;
  readonly decoder: readonly Layer[];
}

/** Takes every parameter under its official name. */
export function openKlVae(config: KlConfig, weights: Weights): KlVae {
  const { z_channels, in_channels, groups } = config;
  const blocks = new Blocks(weights, { groups, attention: 'separate' });
  const conv = (name: string, channels: number): ConvParams =>
    convParams(weights, name, { inputs: channels, outputs: channels, kernel: 1 });
  return {
    config,
    encoder: encoderLayers(blocks, {
      levels: config,
      inputs: in_channels,
      outputs: 2 * z_channels,
      attends: (level) => encoderAttends(config, level),
    }),
    quantConv: conv('quant_conv', 2 * z_channels),
    postQuantConv: conv('post_quant_conv', z_channels),
    decoder: decoderLayers(blocks, {
      levels: config,
      inputs: z_channels,
      outputs: in_channels,
      // As published: the configuration's resolutions never reached the decoder.
      attends: () => false,
    }),
  };
}

/**
 * Picture in [-1, 1] to the moments of its latents, log-variances clamped: [B, H, W, in_channels] -> [B, h, w, 2z].
 * Pure and traceable.
 */
export function encodeMoments(model: KlVae, image_BHWC: Tensor4D, tap?: Tap): Tensor4D {
  const moments_Bhw2z = pointwise(runLayers(model.encoder, image_BHWC, tap), model.quantConv);
  tap?.('quant_conv', moments_Bhw2z);
  return clampMoments(moments_Bhw2z);
}

/** Latents, not scaled, to a picture around [-1, 1], unclamped: [B, h, w, z] -> [B, H, W, in_channels]. Pure and traceable. */
export function decodeLatent(model: KlVae, latent_Bhwz: Tensor4D, tap?: Tap): Tensor4D {
  const input_BhwC = pointwise(latent_Bhwz, model.postQuantConv);
  tap?.('post_quant_conv', input_BhwC);
  return runLayers(model.decoder, input_BhwC, tap);
}

function pointwise(x_BHWC: Tensor4D, { weight_OIHW, bias_O }: ConvParams): Tensor4D {
  return nn.conv2d(x_BHWC, weight_OIHW, bias_O);
}
