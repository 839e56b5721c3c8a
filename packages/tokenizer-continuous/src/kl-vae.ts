import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
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
import type { Encoding, PictureSize, Weights } from '@tessera/core';
import { nn, type TraceRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { encoderAttends, type KlConfig } from './config.ts';

/*
 * The KL-VAE (MAR, arXiv 2406.11838, section 4.2; arXiv 2112.10752): the network, the distribution of its latents, and
 * latents as tokens. Moments are those of a diagonal Gaussian at every position: [B, h, w, 2z], z means and then z
 * log-variances, of latents before they are scaled. Functions of tensors are pure and traceable.
 */

/** The network with its parameters, which are borrowed from the weights. */
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
      // As published: in the official code attn_resolutions does not reach the decoder.
      attends: () => false,
    }),
  };
}

/**
 * Picture in [-1, 1] to the moments of its latents, log-variances clamped: [B, H, W, in_channels] -> [B, h, w, 2z].
 */
export function encodeMoments(model: KlVae, image_BHWC: Tensor4D, tap?: Tap): Tensor4D {
  const moments_Bhw2z = pointwise(runLayers(model.encoder, image_BHWC, tap), model.quantConv);
  tap?.('quant_conv', moments_Bhw2z);
  return clampMoments(moments_Bhw2z);
}

/** Latents, not scaled, to a picture around [-1, 1], unclamped: [B, h, w, z] -> [B, H, W, in_channels]. */
export function decodeLatent(model: KlVae, latent_Bhwz: Tensor4D, tap?: Tap): Tensor4D {
  const input_BhwC = pointwise(latent_Bhwz, model.postQuantConv);
  tap?.('post_quant_conv', input_BhwC);
  return runLayers(model.decoder, input_BhwC, tap);
}

function pointwise(x_BHWC: Tensor4D, { weight_OIHW, bias_O }: ConvParams): Tensor4D {
  return nn.conv2d(x_BHWC, weight_OIHW, bias_O);
}

const LEAST_LOG_VARIANCE = -30;
const MOST_LOG_VARIANCE = 20;

/** The same moments with log-variances from -30 to 20, beyond which exponentials overflow. */
export function clampMoments(moments_Bhw2z: Tensor4D): Tensor4D {
  const [mean, logVariance] = halves(moments_Bhw2z);
  return tf.concat([mean, tf.clipByValue(logVariance, LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)], 3);
}

/** A latent of this distribution, mean + deviation noise, by standard normal `noise_Bhwz`; without noise its mean. */
export function latentOf(moments_Bhw2z: Tensor4D, noise_Bhwz: Tensor4D | null): Tensor4D {
  const [mean, logVariance] = halves(moments_Bhw2z);
  return noise_Bhwz === null ? mean : tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), noise_Bhwz));
}

/**
 * Latents of an encoding, [B, h, w, z]: drawn from its distribution by the stream `posterior`, or without `rng` its means.
 * @throws TesseraError `encoding-without-moments`, of `who`
 */
export function drawLatent({ moments }: Encoding, rng: TraceRng | null, who: string): Tensor4D {
  if (moments === undefined) {
    throw new TesseraError({
      code: 'encoding-without-moments',
      who,
      got: 'an encoding without moments',
      expected: 'one that a continuous tokenizer made',
    });
  }
  const [batch, height, width, both] = (moments as Tensor4D).shape;
  const shape = [batch, height, width, both / 2] as const;
  if (rng) return latentOf(moments as Tensor4D, rng.normal('posterior', shape) as Tensor4D);
  return tf.slice(moments as Tensor4D, [0, 0, 0, 0], [...shape]) as Tensor4D;
}

/**
 * Kullback-Leibler divergence from the standard normal distribution, in nats, summed over an image: [B] (VAE, arXiv
 * 1312.6114, appendix B).
 */
export function klDivergence(moments_Bhw2z: Tensor4D): Tensor1D {
  const [mean, logVariance] = halves(moments_Bhw2z);
  const spread: Tensor = tf.sub(tf.exp(logVariance), tf.add(logVariance, 1));
  return tf.mul(tf.sum(tf.add(tf.square(mean), spread), [1, 2, 3]), 0.5) as Tensor1D;
}

function halves(moments_Bhw2z: Tensor4D): [Tensor4D, Tensor4D] {
  return tf.split(moments_Bhw2z, 2, 3) as [Tensor4D, Tensor4D];
}

/**
 * Latents as tokens, row-major: [B, h, w, z] -> [B, h w / patch^2, z patch^2]. Inside a token: channel, then row, then
 * column.
 */
export function toTokens(latent_Bhwz: Tensor4D, patch: number): Tensor3D {
  const [batch, height, width, channels] = latent_Bhwz.shape;
  const [rows, columns] = [height / patch, width / patch];
  const shape: [number, number, number] = [batch, rows * columns, channels * patch ** 2];
  if (patch === 1) return tf.reshape(latent_Bhwz, shape);
  const split = tf.reshape(latent_Bhwz, [batch, rows, patch, columns, patch, channels]);
  return tf.reshape(tf.transpose(split, [0, 1, 3, 5, 2, 4]), shape);
}

/** The inverse of `toTokens` for a map of tokens of this size; left out, a square: [B, L, z patch^2] -> [B, h, w, z]. */
export function fromTokens(tokens_BLC: Tensor3D, patch: number, grid?: PictureSize): Tensor4D {
  const [batch, length, size] = tokens_BLC.shape;
  const { height: rows, width: columns } = grid ?? { height: Math.sqrt(length), width: Math.sqrt(length) };
  const channels = size / patch ** 2;
  const shape: [number, number, number, number] = [batch, rows * patch, columns * patch, channels];
  if (patch === 1) return tf.reshape(tokens_BLC, shape);
  const split = tf.reshape(tokens_BLC, [batch, rows, columns, channels, patch, patch]);
  return tf.reshape(tf.transpose(split, [0, 1, 4, 2, 5, 3]), shape);
}
