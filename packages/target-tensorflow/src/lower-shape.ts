import type { DType, GraphNode, TypedArray } from '@tessera/engine/target';
import { inputNames } from './lower-elementwise.ts';
import type { TfBuilder, TfLowering } from './builder.ts';

type Shape = readonly number[];

export function reshape(tf: TfBuilder, name: string, shape: Shape): string {
  return tf.op('Reshape', [name, tf.ints(shape)]);
}

const x = (node: GraphNode, tf: TfBuilder) => tf.name(node.inputs.x!);

/** An axis is part of the program: it is never a slot. */
const axisOf = (node: GraphNode, tf: TfBuilder) => tf.scalar(node.attrs.axis as number, 'int32');

/** Sizes that reach to the end are written as such: they then do not differ from shape to shape. */
const slice: TfLowering = (node, tf) => {
  const { begin, size, axes } = node.attrs as { begin: Shape; size: Shape; axes: Shape };
  if (axes.length === 0) return x(node, tf);
  const sizes = size.map((length, axis) => (axes.includes(axis) ? length : -1));
  return tf.op('Slice', [x(node, tf), tf.ints(begin), tf.ints(sizes)], { Index: { type: 'int32' } });
};

const stridedSlice: TfLowering = (node, tf) => {
  const { begin, end, strides, shape } = node.attrs as { begin: Shape; end: Shape; strides: Shape; shape: Shape };
  // Running backwards past the first element needs an end before it: -1 would mean the last element.
  const ends = end.map((stop, i) => (strides[i]! < 0 && stop < 0 ? stop - node.inputs.x!.shape[i]! : stop));
  const vectors = [begin, ends, strides].map((values) => tf.ints(values));
  return reshape(tf, tf.op('StridedSlice', [x(node, tf), ...vectors], { Index: { type: 'int32' } }), shape);
};

const pads = (node: GraphNode, tf: TfBuilder) => {
  const paddings = node.attrs.paddings as readonly (readonly [number, number])[];
  return reshape(tf, tf.ints(paddings.flat()), [paddings.length, 2]);
};

const pad: TfLowering = (node, tf) => {
  const value = tf.scalar((node.attrs.constantValue as number | undefined) ?? 0, node.inputs.x!.dtype);
  return tf.op('PadV2', [x(node, tf), pads(node, tf), value]);
};

const pack: TfLowering = (node, tf) => {
  const names = inputNames(node, tf);
  return tf.op('Pack', names, { N: { int: names.length }, axis: { int: node.attrs.axis as number } });
};

const unpack: TfLowering = (node, tf) => {
  const { dtype } = node.inputs.value!;
  const attrs = {
    T: { type: dtype },
    num: { int: node.outputs.length },
    axis: { int: node.attrs.axis as number },
  };
  const inputs = [tf.name(node.inputs.value!)];
  return tf.ops({ op: 'Unpack', inputs, attrs, dtypes: node.outputs.map(() => dtype) });
};

const splitV: TfLowering = (node, tf) => {
  const { dtype } = node.inputs.x!;
  const sizes = node.attrs.sizes as Shape;
  if (sizes.length === 1) return x(node, tf);
  const attrs = { T: { type: dtype }, Tlen: { type: 'int32' }, num_split: { int: sizes.length } } as const;
  const inputs = [x(node, tf), tf.ints(sizes), axisOf(node, tf)];
  return tf.ops({ op: 'SplitV', inputs, attrs, dtypes: sizes.map(() => dtype) });
};

const concat: TfLowering = (node, tf) => {
  const names = inputNames(node, tf);
  if (names.length === 1) return names[0]!;
  return tf.op('ConcatV2', [...names, axisOf(node, tf)], { N: { int: names.length } });
};

const fill: TfLowering = (node, tf) => {
  const { shape, value, dtype } = node.attrs as { shape: Shape; value: number; dtype: DType };
  return tf.op('Fill', [tf.ints(shape), tf.scalar(value, dtype)], { T: { type: dtype } }, { dtype });
};

/** A run of evenly spaced numbers is a constant; the numbers differ from shape to shape like any other. */
const range: TfLowering = (node, tf) => {
  const { start, step, length, dtype } = node.attrs as { start: number; step: number; length: number; dtype: DType };
  const numbers = Array.from({ length }, (_, i) => start + i * step);
  const data: TypedArray = dtype === 'float32' ? Float32Array.from(numbers) : Int32Array.from(numbers);
  return tf.constant(data, dtype, [length]);
};

export const SHAPE: Readonly<Record<string, TfLowering>> = {
  Reshape: (node, tf) => reshape(tf, x(node, tf), node.attrs.shape as Shape),
  ExpandDims: (node, tf) => tf.op('ExpandDims', [tf.name(node.inputs.input!), axisOf(node, tf)]),
  Transpose: (node, tf) => tf.op('Transpose', [x(node, tf), tf.ints(node.attrs.perm as Shape)]),
  Slice: slice,
  StridedSlice: stridedSlice,
  PadV2: pad,
  MirrorPad: (node, tf) =>
    tf.op('MirrorPad', [x(node, tf), pads(node, tf)], { mode: { text: (node.attrs.mode as string).toUpperCase() } }),
  Reverse: (node, tf) => tf.op('ReverseV2', [x(node, tf), tf.ints(node.attrs.axes as Shape)]),
  Concat: concat,
  Pack: pack,
  Unpack: unpack,
  SplitV: splitV,
  Tile: (node, tf) => tf.op('Tile', [x(node, tf), tf.ints(node.attrs.reps as Shape)]),
  BroadcastTo: (node, tf) => tf.op('BroadcastTo', [x(node, tf), tf.ints(node.attrs.shape as Shape)]),
  Fill: fill,
  Range: range,
  LinSpace: range,
};
