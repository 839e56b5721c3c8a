import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';

/**
 * Latents as tokens, row-major: [B, h, w, z] -> [B, h w / patch^2, z patch^2]. Inside a token: channel, then row, then
 * column. Pure and traceable.
 */
export function toTokens(latent_Bhwz: Tensor4D, patch: number): Tensor3D {
  const [batch, height, width, channels] = latent_Bhwz.shape;
  const [rows, columns] = [height / patch, width / patch];
  const shape: [number, number, number] = [batch, rows * columns, channels * patch ** 2];
  if (patch === 1) return tf.reshape(latent_Bhwz, shape);
  const split = tf.reshape(latent_Bhwz, [batch, rows, patch, columns, patch, channels]);
  return tf.reshape(tf.transpose(split, [0, 1, 3, 5, 2, 4]), shape);
}

/** The inverse of `toTokens` for a square map: [B, L, z patch^2] -> [B, h, w, z]. Pure and traceable. */
export function fromTokens(tokens_BLC: Tensor3D, patch: number): Tensor4D {
  const [batch, length, size] = tokens_BLC.shape;
  const rows = Math.sqrt(length);
  const channels = size / patch ** 2;
  const shape: [number, number, number, number] = [batch, rows * patch, rows * patch, channels];
  if (patch === 1) return tf.reshape(tokens_BLC, shape);
  const split = tf.reshape(tokens_BLC, [batch, rows, rows, channels, patch, patch]);
  return tf.reshape(tf.transpose(split, [0, 1, 4, 2, 5, 3]), shape);
}
