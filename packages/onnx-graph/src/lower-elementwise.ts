import type { DType, GraphNode } from '@tessera/engine/target';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';

/** TensorProto.DataType. */
const ELEMENT = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;

export function cast(onnx: OnnxBuilder, name: string, to: keyof typeof ELEMENT): string {
  return onnx.op('Cast', [name], { to: ELEMENT[to] });
}

/** Names of the inputs in the order that tfjs gives them. */
export function inputNames(node: GraphNode, onnx: OnnxBuilder): string[] {
  return Object.values(node.inputs).map((value) => onnx.name(value));
}

/** One ONNX operator with the same inputs and meaning. */
const direct =
  (op: string): OnnxLowering =>
  (node, onnx) =>
    onnx.op(op, inputNames(node, onnx));

const DIRECT: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Add: 'Add',
  Ceil: 'Ceil',
  Cos: 'Cos',
  Equal: 'Equal',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  IsInf: 'IsInf',
  IsNan: 'IsNaN',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  Log: 'Log',
  LogicalAnd: 'And',
  LogicalNot: 'Not',
  LogicalOr: 'Or',
  Maximum: 'Max',
  Minimum: 'Min',
  Multiply: 'Mul',
  Neg: 'Neg',
  Pow: 'Pow',
  Prelu: 'PRelu',
  RealDiv: 'Div',
  Reciprocal: 'Reciprocal',
  Relu: 'Relu',
  Round: 'Round',
  Sigmoid: 'Sigmoid',
  Sign: 'Sign',
  Sin: 'Sin',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Sub: 'Sub',
  Tan: 'Tan',
  Tanh: 'Tanh',
};

/** Operators as words, for readable expressions. */
const writer = (onnx: OnnxBuilder) => ({
  add: (a: string, b: string) => onnx.op('Add', [a, b]),
  sub: (a: string, b: string) => onnx.op('Sub', [a, b]),
  mul: (a: string, b: string) => onnx.op('Mul', [a, b]),
  div: (a: string, b: string) => onnx.op('Div', [a, b]),
  not: (a: string) => onnx.op('Not', [a]),
  where: (condition: string, yes: string, no: string) => onnx.op('Where', [condition, yes, no]),
});

const notEqual: OnnxLowering = (node, onnx) => onnx.op('Not', [onnx.op('Equal', inputNames(node, onnx))]);

const square: OnnxLowering = (node, onnx) => {
  const x = onnx.name(node.inputs.x!);
  return onnx.op('Mul', [x, x]);
};

const squaredDifference: OnnxLowering = (node, onnx) => {
  const difference = onnx.op('Sub', inputNames(node, onnx));
  return onnx.op('Mul', [difference, difference]);
};

/** tfjs rounds towards minus infinity; ONNX' integer division towards zero. */
const floorDiv: OnnxLowering = (node, onnx) => {
  const { sub, div, where } = writer(onnx);
  const [a, b] = inputNames(node, onnx) as [string, string];
  if (node.inputs.a!.dtype === 'float32') return cast(onnx, onnx.op('Floor', [div(a, b)]), 'int32');
  const quotient = div(a, b);
  const isExact = onnx.op('Equal', [onnx.op('Mul', [quotient, b]), a]);
  const zero = onnx.scalar(0, 'int32');
  const isSameSign = onnx.op('Equal', [onnx.op('Less', [a, zero]), onnx.op('Less', [b, zero])]);
  return where(onnx.op('Or', [isExact, isSameSign]), quotient, sub(quotient, onnx.scalar(1, 'int32')));
};

/**
 * The remainder takes the divisor's sign, in tfjs as in ONNX' integer Mod. ONNX' remainder of floats is exact and takes
 * the dividend's sign. a - b * floor(a / b) would be wrong by the rounding of the quotient.
 */
const mod: OnnxLowering = (node, onnx) => {
  const { add, where } = writer(onnx);
  const [a, b] = inputNames(node, onnx) as [string, string];
  if (node.inputs.a!.dtype !== 'float32') return onnx.op('Mod', [a, b]);
  const rest = onnx.op('Mod', [a, b], { fmod: 1 });
  const zero = onnx.scalar(0, 'float32');
  const isOtherSide = onnx.op('Less', [onnx.op('Mul', [onnx.op('Sign', [rest]), onnx.op('Sign', [b])]), zero]);
  return where(isOtherSide, add(rest, b), rest);
};

/**
 * log(1 + x) for small x too: with u the rounded 1 + x, log(u) x / (u - 1), since the factor x / (u - 1) takes the rounding
 * out (Goldberg 1991, theorem 4). Where u = 1 it is x, and where u = x, which may be infinite, log(x).
 */
const log1p: OnnxLowering = (node, onnx) => {
  const { add, sub, mul, div, where } = writer(onnx);
  const x = onnx.name(node.inputs.x!);
  const one = onnx.scalar(1, 'float32');
  const u = add(x, one);
  const log = onnx.op('Log', [u]);
  const isWhole = onnx.op('Equal', [u, x]);
  const scaled = mul(log, div(x, sub(u, one)));
  return where(onnx.op('Equal', [u, one]), x, where(isWhole, log, scaled));
};

/** exp(x) - 1 = tanh(x / 2) (exp(x) + 1), where nothing cancels for small x. */
function expm1(onnx: OnnxBuilder, x: string): string {
  const { add, mul } = writer(onnx);
  const half = onnx.op('Tanh', [mul(x, onnx.scalar(0.5, 'float32'))]);
  return mul(half, add(onnx.op('Exp', [x]), onnx.scalar(1, 'float32')));
}

/** ONNX Runtime's own Elu subtracts 1 from exp(x), which cancels for small x. */
const elu: OnnxLowering = (node, onnx) => {
  const x = onnx.name(node.inputs.x!);
  const zero = onnx.scalar(0, 'float32');
  return writer(onnx).where(onnx.op('Greater', [x, zero]), x, expm1(onnx, onnx.op('Min', [x, zero])));
};

const step: OnnxLowering = (node, onnx) => {
  const x = node.inputs.x!;
  const alpha = (node.attrs.alpha as number | undefined) ?? 0;
  const positive = onnx.op('Greater', [onnx.name(x), onnx.scalar(0, x.dtype)]);
  if (alpha === 0) return cast(onnx, positive, x.dtype);
  return writer(onnx).where(positive, onnx.scalar(1, x.dtype), onnx.scalar(alpha, x.dtype));
};

const clip: OnnxLowering = (node, onnx) => {
  const x = node.inputs.x!;
  const { clipValueMin, clipValueMax } = node.attrs as { clipValueMin: number; clipValueMax: number };
  return onnx.op('Clip', [onnx.name(x), onnx.scalar(clipValueMin, x.dtype), onnx.scalar(clipValueMax, x.dtype)]);
};

const castNode: OnnxLowering = (node, onnx) => {
  const x = node.inputs.x!;
  const to = node.attrs.dtype as DType;
  return to === x.dtype ? onnx.name(x) : cast(onnx, onnx.name(x), to);
};

const select: OnnxLowering = (node, onnx) => {
  const { condition, t, e } = node.inputs;
  return onnx.op('Where', [onnx.name(condition!), onnx.name(t!), onnx.name(e!)]);
};

/** ONNX' Sum has no form for integers. */
const addN: OnnxLowering = (node, onnx) => {
  const names = inputNames(node, onnx);
  if (Object.values(node.inputs)[0]!.dtype === 'float32') return onnx.op('Sum', names);
  return names.reduce((sum, name) => onnx.op('Add', [sum, name]));
};

/** With y = elu(x): dy where y >= 0, dy (y + 1) elsewhere. */
const eluGrad: OnnxLowering = (node, onnx) => {
  const { add, mul, where } = writer(onnx);
  const [dy, y] = [onnx.name(node.inputs.dy!), onnx.name(node.inputs.y!)];
  const positive = onnx.op('GreaterOrEqual', [y, onnx.scalar(0, 'float32')]);
  return where(positive, dy, mul(dy, add(y, onnx.scalar(1, 'float32'))));
};

const like =
  (value: number): OnnxLowering =>
  (node, onnx) => {
    const x = node.inputs.x!;
    return onnx.op('Expand', [onnx.scalar(value, x.dtype), onnx.ints(x.shape)]);
  };

export const ELEMENTWISE: Readonly<Record<string, OnnxLowering>> = {
  ...Object.fromEntries(Object.entries(DIRECT).map(([kernel, op]) => [kernel, direct(op)])),
  Identity: (node, onnx) => onnx.name(node.inputs.x!),
  Cast: castNode,
  Square: square,
  SquaredDifference: squaredDifference,
  NotEqual: notEqual,
  Rsqrt: (node, onnx) => onnx.op('Reciprocal', [onnx.op('Sqrt', inputNames(node, onnx))]),
  Log1p: log1p,
  Expm1: (node, onnx) => expm1(onnx, onnx.name(node.inputs.x!)),
  Elu: elu,
  IsFinite: (node, onnx) => {
    const x = onnx.name(node.inputs.x!);
    return onnx.op('Not', [onnx.op('Or', [onnx.op('IsInf', [x]), onnx.op('IsNaN', [x])])]);
  },
  LeakyRelu: (node, onnx) => {
    return onnx.op('LeakyRelu', inputNames(node, onnx), { alpha: { float: node.attrs.alpha as number } });
  },
  Relu6: (node, onnx) => {
    return onnx.op('Clip', [onnx.name(node.inputs.x!), onnx.scalar(0, 'float32'), onnx.scalar(6, 'float32')]);
  },
  Step: step,
  ClipByValue: clip,
  Select: select,
  AddN: addN,
  EluGrad: eluGrad,
  FloorDiv: floorDiv,
  Mod: mod,
  ZerosLike: like(0),
  OnesLike: like(1),
};
