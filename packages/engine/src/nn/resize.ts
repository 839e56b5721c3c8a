import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';

/** How `nn.resize` interpolates; the names of PyTorch's F.interpolate. */
export type ResizeMode = 'bicubic' | 'area' | 'bilinear' | 'nearest';

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

/** [1, to, from]: broadcast over images. It is constant, so its gradient, which tfjs would get wrong, is never needed. */
function matrix(from: number, to: number, mode: ResizeMode): tf.Tensor3D {
  return tf.tensor3d(resizeMatrix(from, to, mode), [1, to, from]);
}

/** Keys' cubic convolution kernel with a = -0.75, PyTorch's choice. */
const CUBIC = -0.75;

/**
 * The matrix [to, from] that resizes one axis, row-major, as F.interpolate does with align_corners = false and no
 * antialiasing. Rows sum to one.
 */
function resizeMatrix(from: number, to: number, mode: ResizeMode): Float32Array {
  const matrix = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    for (const [column, weight] of taps(row, { from, to, mode })) {
      const at = row * from + Math.min(from - 1, Math.max(0, column));
      matrix[at] = matrix[at]! + weight;
    }
  }
  return matrix;
}

/** Source positions and weights of one target position; positions beyond the edge are clamped by the caller. */
function taps(row: number, axis: { from: number; to: number; mode: ResizeMode }): [number, number][] {
  const { from, to, mode } = axis;
  if (mode === 'nearest') return [[Math.floor((row * from) / to), 1]];
  if (mode === 'area') {
    const start = Math.floor((row * from) / to);
    const end = Math.ceil(((row + 1) * from) / to);
    return Array.from({ length: end - start }, (_, i) => [start + i, 1 / (end - start)]);
  }
  const centre = ((row + 0.5) * from) / to - 0.5;
  if (mode === 'bilinear') {
    const clamped = Math.max(0, centre);
    const left = Math.floor(clamped);
    return [
      [left, 1 - (clamped - left)],
      [left + 1, clamped - left],
    ];
  }
  const left = Math.floor(centre);
  return [-1, 0, 1, 2].map((offset) => [left + offset, cubic(Math.abs(centre - left - offset))]);
}

function cubic(distance: number): number {
  const d = distance;
  if (d <= 1) return ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1;
  return ((CUBIC * d - 5 * CUBIC) * d + 8 * CUBIC) * d - 4 * CUBIC;
}
