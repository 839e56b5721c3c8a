import type { DType } from '../trace/graph.ts';
import { cast, inputNames } from './lower-elementwise.ts';
import type { Lowering, OnnxBuilder } from './lowering.ts';

const gather: Lowering = (node, onnx) => {
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

/** Zeros with `updates` added at `indices` [..., depth]. */
function scatterAdd(onnx: OnnxBuilder, { shape, dtype, indices, updates }: Scatter): string {
  const zeros = onnx.op('Expand', [onnx.scalar(0, dtype), onnx.ints(shape)]);
  return onnx.op('ScatterND', [zeros, cast(onnx, indices, 'int64'), updates], { reduction: 'add' });
}

interface Scatter {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly indices: string;
  readonly updates: string;
}

const unsortedSegmentSum: Lowering = (node, onnx) => {
  const { x, segmentIds } = node.inputs;
  const { shape, dtype } = node.outputs[0]!;
  const indices = onnx.op('Unsqueeze', [onnx.name(segmentIds!), onnx.ints([segmentIds!.shape.length])]);
  return scatterAdd(onnx, { shape, dtype, indices, updates: onnx.name(x!) });
};

const scatterNd: Lowering = (node, onnx) => {
  const { shape, dtype } = node.outputs[0]!;
  const [indices, updates] = [onnx.name(node.inputs.indices!), onnx.name(node.inputs.updates!)];
  return scatterAdd(onnx, { shape, dtype, indices, updates });
};

const oneHot: Lowering = (node, onnx) => {
  const { depth, onValue, offValue } = node.attrs as { depth: number; onValue: number; offValue: number };
  const indices = cast(onnx, onnx.name(node.inputs.indices!), 'int64');
  const values = onnx.constant(Float32Array.of(offValue, onValue), 'float32', [2]);
  const result = onnx.op('OneHot', [indices, onnx.scalar(depth, 'int64'), values], { axis: -1 });
  const { dtype } = node.outputs[0]!;
  return dtype === 'float32' ? result : cast(onnx, result, dtype);
};

export const GATHER: Readonly<Record<string, Lowering>> = {
  GatherV2: gather,
  GatherNd: (node, onnx) => {
    const [params, indices] = inputNames(node, onnx) as [string, string];
    return onnx.op('GatherND', [params, cast(onnx, indices, 'int64')]);
  },
  ScatterNd: scatterNd,
  UnsortedSegmentSum: unsortedSegmentSum,
  OneHot: oneHot,
};
