import type { DType, Value } from './graph.ts';
import { broadcast, one, type Infer } from './infer.ts';

const same: Infer = ({ x }, attrs) => one(x!.shape, x!.dtype, attrs);

const binary =
  (dtype?: DType): Infer =>
  ({ a, b }) =>
    one(broadcast(a!.shape, b!.shape), dtype ?? a!.dtype);

const SAME =
  'Abs Ceil Cos Elu Erf Exp Expm1 Floor Identity LeakyRelu Log Log1p LogicalNot Neg Reciprocal Relu Relu6 Round ' +
  'Rsqrt Sigmoid Sign Sin Softplus Sqrt Square Step Tan Tanh ClipByValue ZerosLike OnesLike';
const BINARY = 'Add Sub Multiply RealDiv Maximum Minimum Mod Pow SquaredDifference';
const COMPARE = 'Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr';

const each = (names: string, infer: Infer): Record<string, Infer> =>
  Object.fromEntries(names.split(' ').map((name) => [name, infer]));

export const ELEMENTWISE: Readonly<Record<string, Infer>> = {
  ...each(SAME, same),
  ...each(BINARY, binary()),
  ...each(COMPARE, binary('bool')),
  ...each('IsNan IsInf IsFinite', ({ x }) => one(x!.shape, 'bool')),
  FloorDiv: binary('int32'),
  Prelu: ({ x, alpha }) => one(broadcast(x!.shape, alpha!.shape), x!.dtype),
  EluGrad: ({ dy }) => one(dy!.shape, dy!.dtype),
  Cast: ({ x }, attrs) => one(x!.shape, attrs['dtype'] as DType, attrs),
  Select: ({ t }) => one(t!.shape, t!.dtype),
  AddN: (inputs) => {
    const first = Object.values(inputs)[0] as Value;
    return one(first.shape, first.dtype);
  },
};
