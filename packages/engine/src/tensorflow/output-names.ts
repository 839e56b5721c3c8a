/**
 * Inside of a function TensorFlow names a value `node:argument:index`, by the output arguments of its op definitions.
 * Those of the ops that are written here; an op that is missing answers `output`.
 */
const NAMES: Readonly<Record<string, string>> = {
  z:
    'AddV2 Sub Mul RealDiv Maximum Minimum FloorMod FloorDiv Pow SquaredDifference Equal NotEqual Greater GreaterEqual ' +
    'Less LessEqual LogicalAnd LogicalOr BitwiseXor BitwiseAnd RightShift',
  y:
    'TesseraGroupNorm Abs Ceil Cos Erf Exp Expm1 Floor Reciprocal Log Log1p LogicalNot Neg Round Rsqrt Sigmoid Sign Sin Sqrt Square Tan ' +
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

/** Ops with results of several names. */
const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  TopKV2: ['values', 'indices'],
  TesseraGroupNormGradients: ['dx', 'dweight', 'dbias'],
};

const byOp = new Map(Object.entries(NAMES).flatMap(([name, ops]) => ops.split(' ').map((op) => [op, name] as const)));

/** How result `index` of a node is named. */
export function outputName(node: string, op: string, index: number): string {
  const several = SEVERAL[op];
  if (several) return `${node}:${several[index]}:0`;
  return `${node}:${byOp.get(op) ?? 'output'}:${index}`;
}
