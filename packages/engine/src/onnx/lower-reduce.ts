import type { GraphNode } from '../trace/graph.ts';
import { cast } from './lower-elementwise.ts';
import type { Lowering, OnnxBuilder } from './lowering.ts';

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
  (op: string): Lowering =>
  (node, onnx) => {
    const result = reduceWith(op, numeric(node, onnx), { node, onnx });
    return node.outputs[0]!.dtype === 'bool' ? cast(onnx, result, 'bool') : result;
  };

const mean: Lowering = (node, onnx) => {
  const x = node.inputs.x!;
  const name = x.dtype === 'float32' ? onnx.name(x) : cast(onnx, onnx.name(x), 'float32');
  return reduceWith('ReduceMean', name, { node, onnx });
};

/** Indices are int64 in ONNX, int32 in tfjs. */
const arg =
  (op: string): Lowering =>
  (node, onnx) => {
    const attrs = { axis: node.attrs.axis as number, keepdims: 0 };
    return cast(onnx, onnx.op(op, [numeric(node, onnx)], attrs), 'int32');
  };

const cumsum: Lowering = (node, onnx) => {
  const { axis, exclusive, reverse } = node.attrs as { axis: number; exclusive: boolean; reverse: boolean };
  const attrs = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
  return onnx.op('CumSum', [onnx.name(node.inputs.x!), onnx.scalar(axis, 'int64')], attrs);
};

const softmax =
  (op: string): Lowering =>
  (node, onnx) =>
    onnx.op(op, [onnx.name(node.inputs.logits!)], { axis: node.attrs.axis as number });

const topK: Lowering = (node, onnx) => {
  const inputs = [onnx.name(node.inputs.x!), onnx.ints([node.attrs.k as number])];
  const [values, indices] = onnx.ops('TopK', inputs, 2, { axis: -1, sorted: 1 });
  return [values!, cast(onnx, indices!, 'int32')];
};

export const REDUCE: Readonly<Record<string, Lowering>> = {
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
