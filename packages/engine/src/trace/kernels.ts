import * as tf from '@tensorflow/tfjs';
import type { DType, Value } from './graph.ts';
import { axisFrom0, broadcast, one, type Infer, type Shape } from './infer.ts';
import { LINEAR } from './infer-linear.ts';
import { SHAPE } from './infer-shape.ts';

/*
 * Shapes and types of each kernel's results: elementwise kernels, reductions and gathers here; changes of shape in
 * infer-shape.ts, products and convolutions in infer-linear.ts.
 */

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

const ELEMENTWISE: Readonly<Record<string, Infer>> = {
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

/** Max names its axes `reductionIndices`. */
const reduce =
  (resultType: (dtype: DType) => DType): Infer =>
  ({ x }, attrs) => {
    const axes = tf.util.parseAxisParam((attrs['axis'] ?? attrs['reductionIndices']) as number | number[], [
      ...x!.shape,
    ]);
    const keepDims = Boolean(attrs['keepDims']);
    const shape = keepDims
      ? x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
      : x!.shape.filter((_, i) => !axes.includes(i));
    return one(shape, resultType(x!.dtype), { axes, keepDims });
  };

const arg: Infer = ({ x }, attrs) => {
  const axis = tf.util.parseAxisParam(attrs['axis'] as number, [...x!.shape])[0]!;
  return one(
    x!.shape.filter((_, i) => i !== axis),
    'int32',
    { axis },
  );
};

const cumulative: Infer = ({ x }, attrs) => {
  const { axis, exclusive, reverse } = attrs as { axis: number; exclusive?: boolean; reverse?: boolean };
  const normal = { axis: axisFrom0(axis, x!.shape.length), exclusive: Boolean(exclusive), reverse: Boolean(reverse) };
  return one(x!.shape, x!.dtype, normal);
};

const numbers = (dtype: DType): DType => (dtype === 'bool' ? 'int32' : dtype);

const REDUCE: Readonly<Record<string, Infer>> = {
  Sum: reduce(numbers),
  Prod: reduce(numbers),
  Mean: reduce(() => 'float32'),
  Max: reduce((dtype) => dtype),
  Min: reduce((dtype) => dtype),
  All: reduce(() => 'bool'),
  Any: reduce(() => 'bool'),
  ArgMax: arg,
  ArgMin: arg,
  Cumsum: cumulative,
  Softmax: ({ logits }, attrs) => {
    return one(logits!.shape, logits!.dtype, { axis: axisFrom0(attrs['dim'] as number, logits!.shape.length) });
  },
  LogSoftmax: ({ logits }, attrs) => {
    return one(logits!.shape, logits!.dtype, { axis: axisFrom0(attrs['axis'] as number, logits!.shape.length) });
  },
  TopK: ({ x }, attrs) => {
    const shape = [...x!.shape.slice(0, -1), attrs['k'] as number];
    const outputs = [
      { shape, dtype: x!.dtype },
      { shape, dtype: 'int32' as const },
    ];
    return { outputs, attrs: { k: attrs['k'] } };
  },
};

const GATHER: Readonly<Record<string, Infer>> = {
  GatherV2: ({ x, indices }, attrs) => {
    const axis = axisFrom0(attrs['axis'] as number, x!.shape.length);
    const batchDims = (attrs['batchDims'] as number | undefined) ?? 0;
    const shape = [...x!.shape.slice(0, axis), ...indices!.shape.slice(batchDims), ...x!.shape.slice(axis + 1)];
    return one(shape, x!.dtype, { axis, batchDims });
  },
  GatherNd: ({ params, indices }) => {
    const depth = indices!.shape.at(-1)!;
    return one([...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)], params!.dtype);
  },
  ScatterNd: ({ updates }, attrs) => {
    const shape = attrs['shape'] as Shape;
    return one(shape, updates!.dtype, { shape });
  },
  UnsortedSegmentSum: ({ x, segmentIds }, attrs) => {
    const segments = attrs['numSegments'] as number;
    return one([segments, ...x!.shape.slice(segmentIds!.shape.length)], x!.dtype, { segments });
  },
  OneHot: ({ indices }, attrs) => {
    const { depth, onValue, offValue, dtype } = attrs as {
      depth: number;
      onValue: number;
      offValue: number;
      dtype?: DType;
    };
    return one([...indices!.shape, depth], dtype ?? 'int32', { depth, onValue, offValue });
  },
};

/** Every tfjs kernel that can be traced. */
export const KERNELS: Readonly<Record<string, Infer>> = { ...ELEMENTWISE, ...SHAPE, ...REDUCE, ...LINEAR, ...GATHER };

/** Kernels that answer with a list, even of one. */
export const LIST_KERNELS: ReadonlySet<string> = new Set(['Unpack', 'SplitV', 'TopK']);
