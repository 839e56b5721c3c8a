import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';
import { storedNumbers, storedTensor } from '../tensors/tensors.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';

/*
 * Linear layers in 8 bits. A weight has one scale per output, which is stored with its codes; activations have one scale
 * per row, which each call computes. A row's result therefore never depends on the other rows of its batch.
 */

/** Codes from -127 to 127: without -128 they are symmetric, and activations become unsigned by adding 128. */
const LARGEST = 127;
/** Added to a row's scale, so that a row of zeros can be divided by it. Far below the scale of any other row. */
export const TINIEST = 1e-30;

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
    throw notTrainable('nn.linear');
  },
});

/** @param who the function whose gradient was asked for */
export function notTrainable(who: string): TesseraError {
  return new TesseraError({
    code: 'int8-not-trainable',
    who,
    got: 'a gradient through a layer in 8 bits',
    expected: 'weights in float32',
    next: 'Open the model with the precision float32 to train it.',
  });
}

/** A weight [O, I] in 8 bits: about `codes_IO^T * scale_O`. */
export interface Int8Form {
  /** int32 for tfjs, stored as bytes. */
  readonly codes_IO: Tensor;
  readonly scale_O: Tensor;
}

interface Marked {
  readonly shape: readonly number[];
  readonly form: Int8Form;
  isUsed: boolean;
}

/** By the data id of the weight, which all tensors over its numbers share. */
const marked = new WeakMap<object, Marked>();

/**
 * From now on `nn.linear` multiplies by this weight [O, I] in 8 bits: by `form`, which it then owns, or by one of its own numbers, made
 * when they are first needed. All other functions still see its numbers in float32.
 */
export function useInt8(weight_OI: Tensor, form: Int8Form = formOf(weight_OI)): void {
  marked.set(weight_OI.dataId, { shape: [...weight_OI.shape], form, isUsed: false });
}

/** A weight that is known in 8 bits alone: what does not multiply by it reads `codes_IO^T * scale_O`. It owns the form. */
export function int8Weight(form: Int8Form): Tensor {
  const shape = form.codes_IO.shape.toReversed() as [number, number];
  const read = (): Float32Array => widen(form, shape);
  const weight_OI = storedTensor({ kind: 'computed', read }, shape, 'float32');
  useInt8(weight_OI, form);
  return weight_OI;
}

/** True for a weight that `useInt8` has marked. */
export function isInInt8({ dataId }: Tensor): boolean {
  return marked.has(dataId);
}

/** The form by which `nn.linear` has multiplied; null where it has not. */
export function usedInt8Form({ dataId }: Tensor): Int8Form | null {
  const mark = marked.get(dataId);
  return mark?.isUsed ? mark.form : null;
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
  mark.isUsed = true;
  return mark.form;
}

/** Tensors exist at once and numbers when they are read: a model that makes tensors while it runs would look like one that leaks. */
function formOf({ dataId, shape }: Tensor): Int8Form {
  const [outputs, inputs] = shape as [number, number];
  let made: ReturnType<typeof quantize> | null = null;
  const make = () => (made ??= quantize(readNumbers(dataId, 'nn.linear') as Float32Array, [outputs, inputs]));
  const codes = { kind: 'computed', isBytes: true, read: () => make().codes_IO } as const;
  const scale = { kind: 'computed', read: () => make().scale_O } as const;
  return {
    codes_IO: tf.keep(storedTensor(codes, [inputs, outputs], 'int32')),
    scale_O: tf.keep(storedTensor(scale, [outputs], 'float32')),
  };
}

/** Outputs that are written together: columns of a row of codes lie side by side. */
const TILE = 64;

/** Codes and scales of a weight [O, I], each output by its own largest number. */
function quantize(weight_OI: Float32Array, [outputs, inputs]: readonly [number, number]) {
  const codes_IO = new Int8Array(outputs * inputs);
  const scale_O = new Float32Array(outputs);
  const inverse_O = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const largest = largestOf(weight_OI.subarray(o * inputs, (o + 1) * inputs));
    scale_O[o] = largest / LARGEST;
    inverse_O[o] = largest === 0 ? 0 : LARGEST / largest;
  }
  for (let first = 0; first < outputs; first += TILE) {
    const last = Math.min(first + TILE, outputs);
    for (let i = 0; i < inputs; i++) {
      for (let o = first; o < last; o++) {
        codes_IO[i * outputs + o] = Math.round(weight_OI[o * inputs + i]! * inverse_O[o]!);
      }
    }
  }
  return { codes_IO, scale_O };
}

function widen({ codes_IO, scale_O }: Int8Form, [outputs, inputs]: readonly [number, number]): Float32Array {
  const codes = storedNumbers(codes_IO.dataId, 'int8');
  const scale = storedNumbers(scale_O.dataId, 'int8');
  return Float32Array.from({ length: outputs * inputs }, (_, at) => {
    const [o, i] = [Math.floor(at / inputs), at % inputs];
    return codes[i * outputs + o]! * scale[o]!;
  });
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
