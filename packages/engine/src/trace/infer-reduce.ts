import * as tf from '@tensorflow/tfjs';
import type { DType } from './graph.ts';
import { axisFrom0, one, type Infer } from './infer.ts';

/** Max names its axes `reductionIndices`. */
const reduce =
  (resultType: (dtype: DType) => DType): Infer =>
  ({ x }, attrs) => {
    const axes = tf.util.parseAxisParam((attrs['axis'] ?? attrs['reductionIndices']) as number | number[], [
      ...x!.shape,
    ]);
    const keepDims = Boolean(attrs['keepDims']);
    const shape = keepDims
      ? x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
      : x!.shape.filter((_, i) => !axes.includes(i));
    return one(shape, resultType(x!.dtype), { axes, keepDims });
  };

const arg: Infer = ({ x }, attrs) => {
  const axis = tf.util.parseAxisParam(attrs['axis'] as number, [...x!.shape])[0]!;
  return one(
    x!.shape.filter((_, i) => i !== axis),
    'int32',
    { axis },
  );
};

const cumulative: Infer = ({ x }, attrs) => {
  const { axis, exclusive, reverse } = attrs as { axis: number; exclusive?: boolean; reverse?: boolean };
  const normal = { axis: axisFrom0(axis, x!.shape.length), exclusive: Boolean(exclusive), reverse: Boolean(reverse) };
  return one(x!.shape, x!.dtype, normal);
};

const numbers = (dtype: DType): DType => (dtype === 'bool' ? 'int32' : dtype);

export const REDUCE: Readonly<Record<string, Infer>> = {
  Sum: reduce(numbers),
  Prod: reduce(numbers),
  Mean: reduce(() => 'float32'),
  Max: reduce((dtype) => dtype),
  Min: reduce((dtype) => dtype),
  All: reduce(() => 'bool'),
  Any: reduce(() => 'bool'),
  ArgMax: arg,
  ArgMin: arg,
  Cumsum: cumulative,
  Softmax: ({ logits }, attrs) => {
    return one(logits!.shape, logits!.dtype, { axis: axisFrom0(attrs['dim'] as number, logits!.shape.length) });
  },
  LogSoftmax: ({ logits }, attrs) => {
    return one(logits!.shape, logits!.dtype, { axis: axisFrom0(attrs['axis'] as number, logits!.shape.length) });
  },
  TopK: ({ x }, attrs) => {
    const shape = [...x!.shape.slice(0, -1), attrs['k'] as number];
    const outputs = [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int32' as const },
    ];
    return { outputs, attrs: { k: attrs['k'] } };
  },
};
