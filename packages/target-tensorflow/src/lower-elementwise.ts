import type { DType, GraphNode } from '@tessera/engine/target';
import type { TfAttrs, TfBuilder, TfLowering, TfResult } from './builder.ts';

export function cast(tf: TfBuilder, name: string, [from, to]: readonly [DType, DType]): string {
  if (from === to) return name;
  return tf.op('Cast', [name], { SrcT: { type: from }, DstT: { type: to } }, { dtype: to, untyped: true });
}

/** Names of the inputs in the order that tfjs gives them. */
export function inputNames(node: GraphNode, tf: TfBuilder): string[] {
  return Object.values(node.inputs).map((value) => tf.name(value));
}

/** TensorFlow's op of the same meaning. */
const direct =
  (op: string, attrs: TfAttrs = {}, result: TfResult = {}): TfLowering =>
  (node, tf) =>
    tf.op(op, inputNames(node, tf), attrs, result);

const SAME =
  'Abs Ceil Cos Erf Exp Expm1 Floor Identity Log Log1p Neg Reciprocal Relu Relu6 Round Rsqrt Sigmoid Sign Sin ' +
  'Softplus Sqrt Square Tan Tanh ZerosLike OnesLike Sub RealDiv Maximum Minimum Pow SquaredDifference';
const COMPARISONS = 'Greater GreaterEqual Less LessEqual Equal NotEqual';
const BOOLEAN: TfResult = { dtype: 'bool' };

const each = (names: string, lower: (name: string) => TfLowering): Record<string, TfLowering> =>
  Object.fromEntries(names.split(' ').map((name) => [name, lower(name)]));

const step: TfLowering = (node, tf) => {
  const x = node.inputs.x!;
  const positive = tf.op('Greater', [tf.name(x), tf.scalar(0, x.dtype)], {}, BOOLEAN);
  const alpha = (node.attrs.alpha as number | undefined) ?? 0;
  if (alpha === 0) return cast(tf, positive, ['bool', x.dtype]);
  return select(tf, positive, [tf.scalar(1, x.dtype), tf.scalar(alpha, x.dtype)], x.dtype);
};

/** `which` where the condition holds, else the other, broadcast. */
function select(tf: TfBuilder, condition: string, which: readonly [string, string], dtype: DType): string {
  return tf.op('SelectV2', [condition, ...which], { T: { type: dtype } }, { dtype });
}

const clip: TfLowering = (node, tf) => {
  const { dtype } = node.inputs.x!;
  const { clipValueMin, clipValueMax } = node.attrs as { clipValueMin: number; clipValueMax: number };
  return tf.op('ClipByValue', [
    ...inputNames(node, tf),
    tf.scalar(clipValueMin, dtype),
    tf.scalar(clipValueMax, dtype),
  ]);
};

/** tfjs always gives int32. */
const floorDiv: TfLowering = (node, tf) => {
  const { dtype } = node.inputs.a!;
  return cast(tf, tf.op('FloorDiv', inputNames(node, tf)), [dtype, 'int32']);
};

const prelu: TfLowering = (node, tf) => {
  const [x, alpha] = [tf.name(node.inputs.x!), tf.name(node.inputs.alpha!)];
  const isNegative = tf.op('Less', [x, tf.scalar(0, 'float32')], {}, BOOLEAN);
  return select(tf, isNegative, [tf.op('Mul', [x, alpha]), x], 'float32');
};

/** TensorFlow's own Elu subtracts 1 from exp(x), which cancels for small x. */
const elu: TfLowering = (node, tf) => {
  const [x, zero] = [tf.name(node.inputs.x!), tf.scalar(0, 'float32')];
  const isPositive = tf.op('Greater', [x, zero], {}, BOOLEAN);
  return select(tf, isPositive, [x, tf.op('Expm1', [tf.op('Minimum', [x, zero])])], 'float32');
};

const eluGrad: TfLowering = (node, tf) => tf.op('EluGrad', [tf.name(node.inputs.dy!), tf.name(node.inputs.y!)]);

/** TensorFlow has these for numbers only; booleans are computed with as 0 and 1. */
const asNumbers =
  (op: string): TfLowering =>
  (node, tf) => {
    const values = Object.values(node.inputs);
    if (values[0]!.dtype !== 'bool') return tf.op(op, inputNames(node, tf));
    const numbers = values.map((value) => cast(tf, tf.name(value), [value.dtype, 'int32']));
    return cast(tf, tf.op(op, numbers), ['int32', node.outputs[0]!.dtype]);
  };

export const ELEMENTWISE: Readonly<Record<string, TfLowering>> = {
  ...each(SAME, (name) => direct(name)),
  ...each(COMPARISONS, (name) => direct(name, {}, BOOLEAN)),
  ...each('LogicalAnd LogicalOr LogicalNot', (name) => direct(name, {}, { untyped: true })),
  ...each('IsNan IsInf IsFinite', (name) => direct(name, {}, BOOLEAN)),
  Add: asNumbers('AddV2'),
  Multiply: asNumbers('Mul'),
  Mod: direct('FloorMod'),
  FloorDiv: floorDiv,
  LeakyRelu: (node, tf) =>
    tf.op('LeakyRelu', inputNames(node, tf), { alpha: { float: (node.attrs.alpha as number | undefined) ?? 0.2 } }),
  Step: step,
  ClipByValue: clip,
  Prelu: prelu,
  Elu: elu,
  EluGrad: eluGrad,
  Cast: (node, tf) => {
    const x = node.inputs.x!;
    return cast(tf, tf.name(x), [x.dtype, node.attrs.dtype as DType]);
  },
  Select: (node, tf) => {
    const { condition, t, e } = node.inputs;
    return select(tf, tf.name(condition!), [tf.name(t!), tf.name(e!)], t!.dtype);
  },
  AddN: (node, tf) => {
    const names = inputNames(node, tf);
    return tf.op('AddN', names, { N: { int: names.length } });
  },
};
