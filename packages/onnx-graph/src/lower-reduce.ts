import type { GraphNode } from '@tessera/engine/target';
import { cast } from './lower-elementwise.ts';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';

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
