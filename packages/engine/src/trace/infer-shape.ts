import * as tf from '@tensorflow/tfjs';
import type { DType, Value } from './graph.ts';
import { axisFrom0, one, shapeMismatch, sizeOf, type Infer, type Shape } from './infer.ts';

const many = (inputs: Readonly<Record<string, Value>>) => Object.values(inputs);

const reshape: Infer = ({ x }, attrs) => {
  const shape = [...(attrs['shape'] as Shape)];
  const free = shape.indexOf(-1);
  if (free >= 0) {
    shape[free] = 1;
    shape[free] = sizeOf(x!.shape) / sizeOf(shape);
  }
  if (sizeOf(shape) !== sizeOf(x!.shape)) throw shapeMismatch('reshape', `[${x!.shape}] to [${shape}]`, 'equal sizes');
  return one(shape, x!.dtype, { shape });
};

const slice: Infer = ({ x }, attrs) => {
  const rawBegin = [attrs['begin'] as number | number[]].flat();
  const rawSize = [attrs['size'] as number | number[]].flat();
  const begin = x!.shape.map((_, i) => rawBegin[i] ?? 0);
  const size = x!.shape.map((dim, i) => ((rawSize[i] ?? -1) === -1 ? dim - begin[i]! : rawSize[i]!));
  tf.slice_util.assertParamsValid({ shape: [...x!.shape], rank: x!.shape.length } as tf.Tensor, begin, size);
  // The choice of axes depends on how the program wrote it, not on sizes: it must not change from shape to shape.
  const axes = [...x!.shape.keys()].filter((i) => begin[i] !== 0 || (rawSize[i] ?? -1) !== -1);
  return one(size, x!.dtype, { begin, size, axes });
};

const stridedSlice: Infer = ({ x }, attrs) => {
  const a = attrs as unknown as tf.StridedSliceAttrs;
  const masks = [a.beginMask, a.endMask, a.ellipsisMask, a.newAxisMask, a.shrinkAxisMask] as const;
  const info = tf.slice_util.sliceInfo([...x!.shape], a.begin, a.end, a.strides, ...masks);
  const { begin, end, strides, finalShape } = info;
  return one(finalShape, x!.dtype, { begin, end, strides, shape: finalShape });
};

const pad: Infer = ({ x }, attrs) => {
  const paddings = attrs['paddings'] as readonly (readonly [number, number])[];
  return one(
    x!.shape.map((dim, i) => dim + paddings[i]![0] + paddings[i]![1]),
    x!.dtype,
    attrs,
  );
};

const concat: Infer = (inputs, attrs) => {
  const parts = many(inputs);
  const shape = [...parts[0]!.shape];
  const axis = axisFrom0(attrs['axis'] as number, shape.length);
  for (const part of parts) {
    const fits = part.shape.length === shape.length && part.shape.every((dim, i) => i === axis || dim === shape[i]);
    if (!fits) throw shapeMismatch('concat', `[${shape}] and [${part.shape}]`, `equal sizes but for axis ${axis}`);
  }
  shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  return one(shape, parts[0]!.dtype, { axis });
};

const pack: Infer = (inputs, attrs) => {
  const parts = many(inputs);
  const shape = [...parts[0]!.shape];
  const axis = axisFrom0(attrs['axis'] as number, shape.length + 1);
  shape.splice(axis, 0, parts.length);
  return one(shape, parts[0]!.dtype, { axis });
};

const unpack: Infer = ({ value }, attrs) => {
  const axis = axisFrom0(attrs['axis'] as number, value!.shape.length);
  const shape = value!.shape.filter((_, i) => i !== axis);
  const outputs = Array.from({ length: value!.shape[axis]! }, () => ({ shape, dtype: value!.dtype }));
  return { outputs, attrs: { axis } };
};

const splitV: Infer = ({ x }, attrs) => {
  const axis = axisFrom0(attrs['axis'] as number, x!.shape.length);
  const request = attrs['numOrSizeSplits'] as number | number[];
  const sizes = tf.backend_util.prepareSplitSize({ shape: [...x!.shape] } as tf.Tensor, request, axis);
  const outputs = sizes.map((size) => ({
    shape: x!.shape.map((dim, i) => (i === axis ? size : dim)),
    dtype: x!.dtype,
  }));
  return { outputs, attrs: { axis, sizes } };
};

const expandDims: Infer = ({ input }, attrs) => {
  const shape = [...input!.shape];
  const axis = axisFrom0(attrs['dim'] as number, shape.length + 1);
  shape.splice(axis, 0, 1);
  return one(shape, input!.dtype, { axis });
};

const reverse: Infer = ({ x }, attrs) => {
  const axes = tf.util.parseAxisParam(attrs['dims'] as number | number[], [...x!.shape]);
  return one(x!.shape, x!.dtype, { axes });
};

const fill: Infer = (_, attrs) => {
  const dtype = (attrs['dtype'] ?? 'float32') as DType;
  return one(attrs['shape'] as Shape, dtype, { ...attrs, dtype });
};

const range: Infer = (_, attrs) => {
  const { start, stop, step, dtype } = attrs as { start: number; stop: number; step: number; dtype: DType };
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return one([length], dtype, { start, step, length, dtype });
};

const linSpace: Infer = (_, attrs) => {
  const { start, stop, num } = attrs as { start: number; stop: number; num: number };
  return one([num], 'float32', {
    start,
    step: num > 1 ? (stop - start) / (num - 1) : 0,
    length: num,
    dtype: 'float32',
  });
};

export const SHAPE: Readonly<Record<string, Infer>> = {
  Reshape: reshape,
  Slice: slice,
  StridedSlice: stridedSlice,
  PadV2: pad,
  MirrorPad: pad,
  Concat: concat,
  Pack: pack,
  Unpack: unpack,
  SplitV: splitV,
  ExpandDims: expandDims,
  Reverse: reverse,
  Fill: fill,
  Range: range,
  LinSpace: linSpace,
  Transpose: ({ x }, attrs) => {
    const perm = attrs['perm'] as readonly number[];
    return one(
      perm.map((i) => x!.shape[i]!),
      x!.dtype,
      { perm },
    );
  },
  Tile: ({ x }, attrs) => {
    const reps = attrs['reps'] as readonly number[];
    return one(
      x!.shape.map((dim, i) => dim * reps[i]!),
      x!.dtype,
      { reps },
    );
  },
  BroadcastTo: ({ x }, attrs) => one(attrs['shape'] as Shape, x!.dtype, { shape: attrs['shape'] }),
};
