import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { resizeMatrix, type ResizeMode } from './resize-matrix.ts';

/**
 * F.interpolate to a given size: [B, H, W, C] -> [B, height, width, C], one constant matrix per axis. Bicubic has
 * a = -0.75; bicubic and bilinear have align_corners = false and no antialiasing; area is adaptive average pooling.
 */
export function resize(x_BHWC: Tensor4D, height: number, width: number, mode: ResizeMode): Tensor4D {
  const [batch, , , channels] = x_BHWC.shape;
  const rows = resizeRows(x_BHWC, height, mode);
  const [, , oldWidth] = rows.shape;
  if (oldWidth === width) return rows;
  const flat = tf.reshape(rows, [batch * height, oldWidth, channels]);
  return tf.reshape(tf.matMul(matrix(oldWidth, width, mode), flat), [batch, height, width, channels]);
}

function resizeRows(x_BHWC: Tensor4D, height: number, mode: ResizeMode): Tensor4D {
  const [batch, oldHeight, width, channels] = x_BHWC.shape;
  if (oldHeight === height) return tf.clone(x_BHWC);
  const flat = tf.reshape(x_BHWC, [batch, oldHeight, width * channels]);
  return tf.reshape(tf.matMul(matrix(oldHeight, height, mode), flat), [batch, height, width, channels]);
}

/** [1, to, from]: broadcast over images. It is constant, so nobody asks for the gradient that tfjs would get wrong. */
function matrix(from: number, to: number, mode: ResizeMode): tf.Tensor3D {
  return tf.tensor3d(resizeMatrix(from, to, mode), [1, to, from]);
}
