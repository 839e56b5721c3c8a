import type { DType } from '../trace/graph.ts';
import { cast, inputNames } from './lower-elementwise.ts';
import { reshape } from './lower-shape.ts';
import type { TfBuilder, TfLowering } from './lowering.ts';

const INT32 = { type: 'int32' } as const;

const gather: TfLowering = (node, tf) => {
  const { axis, batchDims } = node.attrs as { axis: number; batchDims: number };
  const { x, indices } = node.inputs;
  const attrs = {
    Tparams: { type: x!.dtype },
    Tindices: INT32,
    Taxis: INT32,
    batch_dims: { int: batchDims },
  };
  const inputs = [tf.name(x!), tf.name(indices!), tf.scalar(axis, 'int32')];
  return tf.op('GatherV2', inputs, attrs, { untyped: true });
};

const gatherNd: TfLowering = (node, tf) => {
  const attrs = { Tparams: { type: node.inputs.params!.dtype }, Tindices: INT32 };
  return tf.op('GatherNd', inputNames(node, tf), attrs, { untyped: true });
};

const scatterNd: TfLowering = (node, tf) => {
  const { indices, updates } = node.inputs;
  const { shape, dtype } = node.outputs[0]!;
  const attrs = { T: { type: dtype }, Tindices: INT32 };
  return tf.op('ScatterNd', [tf.name(indices!), tf.name(updates!), tf.ints(shape)], attrs, { dtype, untyped: true });
};

/** While the sums are few, a product with ones and zeros is faster than adding row after row. */
const FEW_SUMS = 512;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

const unsortedSegmentSum: TfLowering = (node, tf) => {
  const { x, segmentIds } = node.inputs;
  const { shape, dtype } = node.outputs[0]!;
  const rows = shape[0]!;
  const count = sizeOf(segmentIds!.shape);
  const index = reshape(tf, tf.name(segmentIds!), [count]);
  if (dtype === 'float32' && rows <= FEW_SUMS && count > 0) {
    const flat = reshape(tf, tf.name(x!), [count, sizeOf(shape) / rows]);
    const marks = oneHotOf(tf, index, { depth: rows, onValue: 1, offValue: 0, dtype });
    const attrs = { transpose_a: { bool: true }, transpose_b: { bool: false } };
    return reshape(tf, tf.op('MatMul', [marks, flat], attrs), shape);
  }
  const updates = reshape(tf, tf.name(x!), [count, ...shape.slice(1)]);
  const attrs = { Tindices: INT32, Tnumsegments: INT32 };
  return tf.op('UnsortedSegmentSum', [updates, index, tf.scalar(rows, 'int32')], attrs);
};

interface OneHot {
  readonly depth: number;
  readonly onValue: number;
  readonly offValue: number;
  readonly dtype: DType;
}

function oneHotOf(tf: TfBuilder, indices: string, { depth, onValue, offValue, dtype }: OneHot): string {
  const inputs = [indices, tf.scalar(depth, 'int32'), tf.scalar(onValue, dtype), tf.scalar(offValue, dtype)];
  return tf.op('OneHot', inputs, { T: { type: dtype }, TI: INT32, axis: { int: -1 } }, { dtype, untyped: true });
}

const oneHot: TfLowering = (node, tf) => {
  const indices = node.inputs.indices!;
  const { dtype } = node.outputs[0]!;
  const attrs = node.attrs as unknown as Omit<OneHot, 'dtype'>;
  return oneHotOf(tf, cast(tf, tf.name(indices), [indices.dtype, 'int32']), { ...attrs, dtype });
};

export const GATHER: Readonly<Record<string, TfLowering>> = {
  GatherV2: gather,
  GatherNd: gatherNd,
  ScatterNd: scatterNd,
  UnsortedSegmentSum: unsortedSegmentSum,
  OneHot: oneHot,
};
