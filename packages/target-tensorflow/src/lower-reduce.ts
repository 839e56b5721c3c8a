import type { DType, GraphNode } from '@tessera/engine/target';
import { cast, inputNames } from './lower-elementwise.ts';
import { reshape } from './lower-shape.ts';
import type { TfBuilder, TfLowering } from './builder.ts';

/** The argument, with booleans as numbers: TensorFlow has no sums, products or extremes of booleans. */
function numeric(node: GraphNode, tf: TfBuilder): readonly [string, DType] {
  const x = node.inputs.x!;
  if (x.dtype !== 'bool') return [tf.name(x), x.dtype];
  return [cast(tf, tf.name(x), ['bool', 'int32']), 'int32'];
}

function reduceWith(op: string, name: string, { node, tf }: { node: GraphNode; tf: TfBuilder }): string {
  const { axes, keepDims } = node.attrs as { axes: readonly number[]; keepDims: boolean };
  const isLogical = op === 'All' || op === 'Any';
  return tf.op(op, [name, tf.ints(axes)], { keep_dims: { bool: keepDims } }, { untyped: isLogical });
}

const reduce =
  (op: string): TfLowering =>
  (node, tf) => {
    const [name, dtype] = numeric(node, tf);
    return cast(tf, reduceWith(op, name, { node, tf }), [dtype, node.outputs[0]!.dtype]);
  };

const logical =
  (op: string): TfLowering =>
  (node, tf) => {
    const x = node.inputs.x!;
    return reduceWith(op, cast(tf, tf.name(x), [x.dtype, 'bool']), { node, tf });
  };

const mean: TfLowering = (node, tf) => {
  const x = node.inputs.x!;
  return reduceWith('Mean', cast(tf, tf.name(x), [x.dtype, 'float32']), { node, tf });
};

const arg =
  (op: string): TfLowering =>
  (node, tf) => {
    const axis = tf.scalar(node.attrs.axis as number, 'int32');
    return tf.op(op, [numeric(node, tf)[0], axis], { output_type: { type: 'int32' } }, { dtype: 'int32' });
  };

const cumsum: TfLowering = (node, tf) => {
  const { axis, exclusive, reverse } = node.attrs as { axis: number; exclusive: boolean; reverse: boolean };
  const attrs = { exclusive: { bool: exclusive }, reverse: { bool: reverse } };
  return tf.op('Cumsum', [tf.name(node.inputs.x!), tf.scalar(axis, 'int32')], attrs);
};

/** TensorFlow's softmax runs over the last axis. */
const softmax =
  (op: string): TfLowering =>
  (node, tf) => {
    const { logits } = node.inputs;
    const rank = logits!.shape.length;
    const axis = node.attrs.axis as number;
    if (axis === rank - 1) return tf.op(op, [tf.name(logits!)]);
    const swap = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
    const turned = (name: string): string => tf.op('Transpose', [name, tf.ints(swap)]);
    return turned(tf.op(op, [turned(tf.name(logits!))]));
  };

const topK: TfLowering = (node, tf) => {
  const x = node.inputs.x!;
  const inputs = [tf.name(x), tf.scalar(node.attrs.k as number, 'int32')];
  const attrs = { T: { type: x.dtype }, sorted: { bool: true } };
  return tf.ops({ op: 'TopKV2', inputs, attrs, dtypes: [x.dtype, 'int32'] });
};

export const REDUCE: Readonly<Record<string, TfLowering>> = {
  Sum: reduce('Sum'),
  Prod: reduce('Prod'),
  Max: reduce('Max'),
  Min: reduce('Min'),
  All: logical('All'),
  Any: logical('Any'),
  Mean: mean,
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Cumsum: cumsum,
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  TopK: topK,
};

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
