import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';

/** Linear map from latent channels to pixels in [0, 1]: `weight` has a row per latent channel, `bias` a number per colour. */
export interface LinearPreview {
  readonly weight: readonly (readonly number[])[];
  readonly bias: readonly number[];
}

/** A cheap picture of a latent map: every position through one matrix, clamped to [0, 1]. Pure and traceable. */
export function linearPreview({ weight, bias }: LinearPreview, map_BHWC: Tensor4D): Tensor4D {
  const [batch, height, width, channels] = map_BHWC.shape;
  const matrix = tf.tensor2d(weight.flat(), [channels, bias.length]);
  const flat = tf.matMul(tf.reshape(map_BHWC, [batch * height * width, channels]) as tf.Tensor2D, matrix);
  const pixels = tf.clipByValue(tf.add(flat, tf.tensor1d([...bias])), 0, 1);
  return tf.reshape(pixels, [batch, height, width, bias.length]);
}

/** Error `preview-missing`: a tokenizer is to show a linear preview and has none. */
export function previewMissing(who: string): TesseraError {
  return new TesseraError({
    code: 'preview-missing',
    who,
    got: "preview 'linear' of a tokenizer without a preview matrix",
    expected: 'config.preview with weight and bias',
    next: "Fit one with fitPreview on a few pictures and store it in the tokenizer's config, or choose 'none' or 'decoded'.",
  });
}

/** Positions of latent maps with the mean colour of the pixels that each covers. */
interface PreviewSamples {
  /** N rows of C, quantised features. */
  readonly latent_NC: Float32Array;
  /** N rows of as many numbers as a pixel has, in [0, 1]. */
  readonly pixel_Nc: Float32Array;
  readonly count: number;
}

/** Keeps the fit from failing where a channel never varies; relative to the mean of the diagonal (ridge regression). */
const RIDGE = 1e-6;

/** The linear map that is nearest to the pixels in least squares. */
export function fitPreview({ latent_NC, pixel_Nc, count }: PreviewSamples): LinearPreview {
  const channels = latent_NC.length / count;
  const colours = pixel_Nc.length / count;
  const size = channels + 1;
  const normal = Array.from({ length: size }, () => new Float64Array(size + colours));
  const input = new Float64Array(size).fill(1);
  for (let n = 0; n < count; n++) {
    input.set(latent_NC.subarray(n * channels, (n + 1) * channels));
    for (let i = 0; i < size; i++) {
      const row = normal[i]!;
      for (let j = 0; j < size; j++) row[j] = row[j]! + input[i]! * input[j]!;
      for (let c = 0; c < colours; c++) row[size + c] = row[size + c]! + input[i]! * pixel_Nc[n * colours + c]!;
    }
  }
  const trace = normal.reduce((sum, row, i) => sum + row[i]!, 0);
  for (let i = 0; i < channels; i++) normal[i]![i] = normal[i]![i]! + (RIDGE * trace) / size;
  const solution = solve(normal);
  return { weight: solution.slice(0, channels), bias: solution[channels]! };
}

/** Gauss-Jordan elimination with pivoting; rows hold the matrix and then the right sides. Returns the right sides. */
function solve(rows: Float64Array[]): number[][] {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const pivot = rows.slice(column).reduce((a, b) => (Math.abs(b[column]!) > Math.abs(a[column]!) ? b : a));
    const at = rows.indexOf(pivot);
    [rows[column], rows[at]] = [pivot, rows[column]!];
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = row[column]! / pivot[column]!;
      for (let j = column; j < row.length; j++) row[j] = row[j]! - factor * pivot[j]!;
    }
  }
  return rows.map((row, i) => [...row.subarray(size)].map((value) => value / row[i]!));
}
