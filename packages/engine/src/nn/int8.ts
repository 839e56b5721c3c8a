import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';
import { storedTensor } from '../tensors/tensors.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';

/*
 * Linear layers in 8 bits. A weight has one scale per output, which is stored with its codes; activations have one scale
 * per row, which each call computes. A row's result therefore never depends on the other rows of its batch.
 */

/** Codes from -127 to 127: without -128 they are symmetric, and activations become unsigned by adding 128. */
const LARGEST = 127;
/** Added to a row's scale, so that a row of zeros can be divided by it. Far below the scale of any other row. */
const TINIEST = 1e-30;

interface Inputs {
  /** [N, I]. */
  readonly x: Tensor;
  /** [I, O], int32 here and bytes where it is stored. */
  readonly codes: Tensor;
  /** [O]. */
  readonly scale: Tensor;
  readonly bias: Tensor | undefined;
}

/** `forward` is the reference: whole numbers in float32 are exact up to 2^24, which sums of real layers hardly exceed. */
export const fusedLinearInt8 = defineOwnFused<Inputs, object>({
  name: 'TesseraLinearInt8',
  shape: ({ x, codes }) => [x.shape[0]!, codes.shape[1]!],
  forward: ({ x, codes, scale, bias }) => {
    const step_N1 = tf.add(tf.mul(tf.max(tf.abs(x), -1, true), 1 / LARGEST), TINIEST);
    const codes_NI = tf.round(tf.div(x, step_N1)) as Tensor2D;
    const sums_NO = tf.matMul(codes_NI, tf.cast(codes, 'float32') as Tensor2D);
    const product_NO = tf.mul(tf.mul(sums_NO, scale), step_N1);
    return bias ? tf.add(product_NO, bias) : product_NO;
  },
  gradient: () => {
    throw new TesseraError({
      code: 'int8-not-trainable',
      who: 'nn.linear',
      got: 'a gradient through a layer in 8 bits',
      expected: 'weights in float32',
      next: 'Open the model with the precision float32 to train it.',
    });
  },
});

/** A weight [O, I] in 8 bits: about `codes_IO^T * scale_O`. */
export interface Int8Form {
  /** int32 for tfjs, stored as bytes. */
  readonly codes_IO: Tensor;
  readonly scale_O: Tensor;
}

interface Marked {
  readonly shape: readonly number[];
  form: Int8Form | null;
}

/** By the data id of the weight, which all tensors over its numbers share. */
const marked = new WeakMap<object, Marked>();

/**
 * From now on `nn.linear` multiplies by this weight in 8 bits: by `form`, or by one that the first product makes of its numbers. All
 * other functions still see its numbers in float32.
 */
export function useInt8({ dataId, shape }: Tensor, form: Int8Form | null = null): void {
  marked.set(dataId, { shape: [...shape], form });
}

/** The form that `nn.linear` has used or was given; null if it has multiplied by this weight in float32 or not at all. */
export function int8FormOf({ dataId }: Tensor): Int8Form | null {
  return marked.get(dataId)?.form ?? null;
}

/** Ends `useInt8` and releases the form. */
export function releaseInt8({ dataId }: Tensor): void {
  const form = marked.get(dataId)?.form;
  marked.delete(dataId);
  if (form) tf.dispose([form.codes_IO, form.scale_O]);
}

/** The form by which `nn.linear` has to multiply; null for a weight in float32. */
export function int8FormFor({ dataId, shape }: Tensor): Int8Form | null {
  const mark = marked.get(dataId);
  if (mark?.shape.join() !== shape.join()) return null;
  mark.form ??= quantize(readNumbers(dataId, 'nn.linear') as Float32Array, shape as [number, number]);
  return mark.form;
}

/** Outputs that are written together: columns of a row of codes lie side by side. */
const TILE = 64;

/** A weight [O, I] in 8 bits, each output by its own largest number. */
function quantize(weight_OI: Float32Array, [outputs, inputs]: readonly [number, number]): Int8Form {
  const codes_IO = new Int8Array(outputs * inputs);
  const scale_O = new Float32Array(outputs);
  for (let first = 0; first < outputs; first += TILE) {
    const last = Math.min(first + TILE, outputs);
    for (let o = first; o < last; o++) {
      const row = weight_OI.subarray(o * inputs, (o + 1) * inputs);
      const largest = largestOf(row);
      const inverse = largest === 0 ? 0 : LARGEST / largest;
      scale_O[o] = largest / LARGEST;
      for (let i = 0; i < inputs; i++) codes_IO[i * outputs + o] = Math.round(row[i]! * inverse);
    }
  }
  return {
    codes_IO: tf.keep(storedTensor({ kind: 'memory', data: codes_IO }, [inputs, outputs], 'int32')),
    scale_O: tf.keep(storedTensor({ kind: 'memory', data: scale_O }, [outputs], 'float32')),
  };
}

/** The largest absolute value; NaN where one is not a number. */
function largestOf(row: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) {
    const size = Math.abs(row[i]!);
    if (!(size <= largest)) largest = size;
  }
  return largest;
}
