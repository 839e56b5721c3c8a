import type { DType } from '@tessera/engine/target';
import { cast, inputNames } from './lower-elementwise.ts';
import { reshape } from './lower-shape.ts';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';

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
 * Sums updates by row. Not by ScatterND: ONNX Runtime adds its updates from several threads at once, and where two meet
 * in a row, one is lost. ScatterElements goes one by one.
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

/** Indices of several axes become one of all their rows. */
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
