import type { Lowering } from './lowering.ts';

/** FusedMatMul reads a transposed operand in place, and a weight of [out, in] is packed as fast as one of [in, out]. */
const matMul: Lowering = (node, onnx) => {
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const inputs = [onnx.name(node.inputs.a!), onnx.name(node.inputs.b!)];
  if (!transposeA && !transposeB) return onnx.op('MatMul', inputs);
  const attrs = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: 1 } };
  return onnx.op('FusedMatMul', inputs, attrs, 'com.microsoft');
};

export const MATMUL: Readonly<Record<string, Lowering>> = { BatchMatMul: matMul };
