import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { defineOwnFused } from '../fused.ts';
import type { OnnxBuilder } from '../onnx/lowering.ts';

interface Inputs {
  /** int32 [2]: two well-mixed words. */
  readonly key: Tensor;
}

interface Attrs {
  /** Two words for the name of the stream. */
  readonly stream: readonly [number, number];
  readonly shape: readonly number[];
}

/* Multipliers and shifts of Wellons' `lowbias32`, the least biased two-round hash of 32 bits that he found. */
export const MULTIPLIER_0 = 0x7feb352d;
export const MULTIPLIER_1 = 0x846ca68b;
const UINT32 = 12;
const INT32 = 6;
const FLOAT = 1;

/**
 * One uniform number in [0, 1) per position, a hash of (key, stream, linear index): 24 bits. Both words of the key and
 * of the stream enter, one before and one between the rounds, so that streams that overlap by chance still differ.
 */
export const hashUniform = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraHashUniform',
  shape: (_, { shape }) => shape,
  forward: ({ key }, { stream, shape }) => {
    const [first, second] = key.dataSync() as Int32Array;
    const [start, between] = [first! + stream[0], second! ^ stream[1]];
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, index) => {
      let x = (index + start) | 0;
      x = Math.imul(x ^ (x >>> 16), MULTIPLIER_0) ^ between;
      x = Math.imul(x ^ (x >>> 15), MULTIPLIER_1);
      return (x >>> 8) * 2 ** -24;
    });
    return tf.tensor(data, [...shape]);
  },
  gradient: () => ({}),
  lower: ({ inputs, attrs }, onnx) => {
    const { stream, shape } = attrs as unknown as Attrs;
    const word = (index: number): string =>
      onnx.op('Gather', [onnx.name(inputs.key!), onnx.ints([index])], { axis: 0 });
    const unsigned = (name: string): string => onnx.op('Cast', [name], { to: UINT32 });
    const constant = (value: number): string => unsigned(onnx.scalar(value | 0, 'int32'));
    const fold = (x: string, by: number): string =>
      onnx.op('BitwiseXor', [x, onnx.op('BitShift', [x, constant(by)], { direction: 'RIGHT' })]);

    const start = onnx.op('Add', [unsigned(word(0)), constant(stream[0])]);
    const between = onnx.op('BitwiseXor', [unsigned(word(1)), constant(stream[1])]);
    const first = onnx.op('Mul', [fold(onnx.op('Add', [positions(shape, onnx), start]), 16), constant(MULTIPLIER_0)]);
    const mixed = fold(onnx.op('BitwiseXor', [first, between]), 15);
    const second = onnx.op('Mul', [mixed, constant(MULTIPLIER_1)]);
    const bits = onnx.op('BitShift', [second, constant(8)], { direction: 'RIGHT' });
    const unit = onnx.op('Mul', [onnx.op('Cast', [bits], { to: FLOAT }), onnx.scalar(2 ** -24, 'float32')]);
    return onnx.op('Reshape', [unit, onnx.ints(shape)]);
  },
});

/** 0, 1, 2 ... as uint32, one per element. */
function positions(shape: readonly number[], onnx: OnnxBuilder): string {
  const size = shape.reduce((a, b) => a * b, 1);
  const limit = onnx.op('Squeeze', [onnx.op('Cast', [onnx.ints([size])], { to: INT32 })]);
  const range = onnx.op('Range', [onnx.scalar(0, 'int32'), limit, onnx.scalar(1, 'int32')]);
  return onnx.op('Cast', [range], { to: UINT32 });
}
