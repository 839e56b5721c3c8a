import type { DType, GraphNode } from '@tessera/engine/target';
import { cast, inputNames } from './lower-elementwise.ts';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';
import { reshape } from './lower-shape.ts';

/** bool is reduced as int32: ONNX Runtime has no sums, products or extremes of booleans. */
function numeric(node: GraphNode, onnx: OnnxBuilder): string {
  const x = node.inputs.x!;
  return x.dtype === 'bool' ? cast(onnx, onnx.name(x), 'int32') : onnx.name(x);
}

function reduceWith(op: string, name: string, { node, onnx }: { node: GraphNode; onnx: OnnxBuilder }): string {
  const { axes, keepDims } = node.attrs as { axes: readonly number[]; keepDims: boolean };
  if (axes.length === 0) return name;
  return onnx.op(op, [name, onnx.ints(axes)], { keepdims: keepDims ? 1 : 0 });
}

const reduce =
  (op: string): OnnxLowering =>
  (node, onnx) => {
    const result = reduceWith(op, numeric(node, onnx), { node, onnx });
    return node.outputs[0]!.dtype === 'bool' ? cast(onnx, result, 'bool') : result;
  };

const mean: OnnxLowering = (node, onnx) => {
  const x = node.inputs.x!;
  const name = x.dtype === 'float32' ? onnx.name(x) : cast(onnx, onnx.name(x), 'float32');
  return reduceWith('ReduceMean', name, { node, onnx });
};

/** Indices are int64 in ONNX, int32 in tfjs. */
const arg =
  (op: string): OnnxLowering =>
  (node, onnx) => {
    const attrs = { axis: node.attrs.axis as number, keepdims: 0 };
    return cast(onnx, onnx.op(op, [numeric(node, onnx)], attrs), 'int32');
  };

const cumsum: OnnxLowering = (node, onnx) => {
  const { axis, exclusive, reverse } = node.attrs as { axis: number; exclusive: boolean; reverse: boolean };
  const attrs = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
  return onnx.op('CumSum', [onnx.name(node.inputs.x!), onnx.scalar(axis, 'int64')], attrs);
};

const softmax =
  (op: string): OnnxLowering =>
  (node, onnx) =>
    onnx.op(op, [onnx.name(node.inputs.logits!)], { axis: node.attrs.axis as number });

const topK: OnnxLowering = (node, onnx) => {
  const inputs = [onnx.name(node.inputs.x!), onnx.ints([node.attrs.k as number])];
  const [values, indices] = onnx.ops('TopK', inputs, 2, { axis: -1, sorted: 1 });
  return [values!, cast(onnx, indices!, 'int32')];
};

export const REDUCE: Readonly<Record<string, OnnxLowering>> = {
  Sum: reduce('ReduceSum'),
  Prod: reduce('ReduceProd'),
  Max: reduce('ReduceMax'),
  Min: reduce('ReduceMin'),
  All: reduce('ReduceMin'),
  Any: reduce('ReduceMax'),
  Mean: mean,
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Cumsum: cumsum,
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  TopK: topK,
};

/** FusedMatMul reads a transposed operand in place, and a weight of [out, in] is packed as fast as one of [in, out]. */
const matMul: OnnxLowering = (node, onnx) => {
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const inputs = [onnx.name(node.inputs.a!), onnx.name(node.inputs.b!)];
  if (!transposeA && !transposeB) return onnx.op('MatMul', inputs);
  const attrs = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: 1 } };
  return onnx.op('FusedMatMul', inputs, attrs, 'com.microsoft');
};

export const MATMUL: Readonly<Record<string, OnnxLowering>> = { BatchMatMul: matMul };

const gather: OnnxLowering = (node, onnx) => {
  const { axis, batchDims } = node.attrs as { axis: number; batchDims: number };
  const inputs = [onnx.name(node.inputs.x!), onnx.name(node.inputs.indices!)] as const;
  if (batchDims === 0) return onnx.op('Gather', inputs, { axis });
  // With as many batch axes as come before `axis`, the indices address the next axis within each batch entry.
  const indices = node.inputs.indices!.shape;
  const tail = node.inputs.x!.shape.slice(axis + 1);
  const flat = onnx.op('Unsqueeze', [cast(onnx, inputs[1], 'int64'), onnx.ints([indices.length])]);
  const rows = onnx.op('GatherND', [inputs[0], flat], { batch_dims: batchDims });
  return tail.length === 0 ? rows : onnx.op('Reshape', [rows, onnx.ints(node.outputs[0]!.shape)], { allowzero: 1 });
};

/** A one-hot product is faster than adding row after row while the sums are few. */
const FEW_SUMS = 512;

interface RowSums {
  /** Of the result, rows first: [rows, ...]. */
  readonly shape: readonly number[];
  readonly rows: number;
  readonly dtype: DType;
  /** int64 [n]: the row of each update. */
  readonly index: string;
  readonly updates: string;
  readonly count: number;
}

/**
 * Sums updates by row. Not by ScatterND: ONNX Runtime adds its updates from several threads at once, and loses one
 * where two meet in a row. ScatterElements adds one by one.
 */
function rowSums(onnx: OnnxBuilder, { shape, rows, dtype, index, updates, count }: RowSums): string {
  const width = sizeOf(shape) / rows;
  const flat = reshape(onnx, updates, [count, width]);
  if (dtype === 'float32' && rows <= FEW_SUMS) {
    const marks = onnx.constant(Float32Array.of(0, 1), 'float32', [2]);
    const oneHot = onnx.op('OneHot', [index, onnx.scalar(rows, 'int64'), marks], { axis: 0 });
    return reshape(onnx, onnx.op('MatMul', [oneHot, flat]), shape);
  }
  const zeros = onnx.op('Expand', [onnx.scalar(0, dtype), onnx.ints([rows, width])]);
  const places = onnx.op('Expand', [onnx.op('Unsqueeze', [index, onnx.ints([1])]), onnx.ints([count, width])]);
  return reshape(onnx, onnx.op('ScatterElements', [zeros, places, flat], { axis: 0, reduction: 'add' }), shape);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

const unsortedSegmentSum: OnnxLowering = (node, onnx) => {
  const { x, segmentIds } = node.inputs;
  const { shape, dtype } = node.outputs[0]!;
  const count = sizeOf(segmentIds!.shape);
  const index = cast(onnx, reshape(onnx, onnx.name(segmentIds!), [count]), 'int64');
  return rowSums(onnx, { shape, rows: shape[0]!, dtype, index, updates: onnx.name(x!), count });
};

/** Indices of several axes become one index of rows. */
const scatterNd: OnnxLowering = (node, onnx) => {
  const { indices, updates } = node.inputs;
  const { shape, dtype } = node.outputs[0]!;
  const depth = indices!.shape.at(-1)!;
  const sides = shape.slice(0, depth);
  const strides = sides.map((_, axis) => sizeOf(sides.slice(axis + 1)));
  const steps = onnx.op('Mul', [cast(onnx, onnx.name(indices!), 'int64'), onnx.ints(strides)]);
  const summed = onnx.op('ReduceSum', [steps, onnx.ints([-1])], { keepdims: 0 });
  const count = sizeOf(indices!.shape.slice(0, -1));
  const index = reshape(onnx, summed, [count]);
  return rowSums(onnx, { shape, rows: sizeOf(sides), dtype, index, updates: onnx.name(updates!), count });
};

const oneHot: OnnxLowering = (node, onnx) => {
  const { depth, onValue, offValue } = node.attrs as { depth: number; onValue: number; offValue: number };
  const indices = cast(onnx, onnx.name(node.inputs.indices!), 'int64');
  const values = onnx.constant(Float32Array.of(offValue, onValue), 'float32', [2]);
  const result = onnx.op('OneHot', [indices, onnx.scalar(depth, 'int64'), values], { axis: -1 });
  const { dtype } = node.outputs[0]!;
  return dtype === 'float32' ? result : cast(onnx, result, dtype);
};

export const GATHER: Readonly<Record<string, OnnxLowering>> = {
  GatherV2: gather,
  GatherNd: (node, onnx) => {
    const [params, indices] = inputNames(node, onnx) as [string, string];
    return onnx.op('GatherND', [params, cast(onnx, indices, 'int64')]);
  },
  ScatterNd: scatterNd,
  UnsortedSegmentSum: unsortedSegmentSum,
  OneHot: oneHot,
};
