/**
 * Inside of a function TensorFlow names a value `node:argument:index`, by the output arguments of its op definitions.
 * Those of the ops that are written here; an op that is missing answers `output`.
 */
const NAMES: Readonly<Record<string, string>> = {
  z:
    'AddV2 Sub Mul RealDiv Maximum Minimum FloorMod FloorDiv Pow SquaredDifference Equal NotEqual Greater GreaterEqual ' +
    'Less LessEqual LogicalAnd LogicalOr BitwiseXor BitwiseAnd RightShift',
  y:
    'Abs Ceil Cos Erf Exp Expm1 Floor Reciprocal Log Log1p LogicalNot Neg Round Rsqrt Sigmoid Sign Sin Sqrt Square Tan ' +
    'Tanh IsNan IsInf IsFinite Cast Transpose ZerosLike OnesLike',
  activations: 'Elu Relu Relu6 LeakyRelu Softplus',
  backprops: 'EluGrad',
  sum: 'AddN',
  out: 'Cumsum',
  softmax: 'Softmax',
  logsoftmax: 'LogSoftmax',
  product: 'MatMul',
  resized_images: 'ResizeNearestNeighbor ResizeBilinear',
};

const byOp = new Map(Object.entries(NAMES).flatMap(([name, ops]) => ops.split(' ').map((op) => [op, name] as const)));

/** How result `index` of a node is named. */
export function outputName(node: string, op: string, index: number): string {
  if (op === 'TopKV2') return index === 0 ? `${node}:values:0` : `${node}:indices:0`;
  return `${node}:${byOp.get(op) ?? 'output'}:${index}`;
}
