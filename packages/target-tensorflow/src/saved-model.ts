import { ProtoWriter, type ElementType, type Port } from '@tessera/engine/target';
import type { TfAttr, TfFunction, TfModel } from './builder.ts';

/** DataType of types.proto. */
const TYPES: Readonly<Record<ElementType, number>> = { float32: 1, int32: 3, int64: 9, bool: 10 };
/** A graph version that every TensorFlow since 2.10 reads. */
const PRODUCER = 1087;
const FUNCTION = 'program';
const CALL = 'call';
export const TAG = 'serve';

/** The second keeps Grappler from rewriting the function with ops that XLA does not know. */
const XLA_FUNCTION = ['_XlaMustCompile', '_tf_data_function'];

interface SavedModelOptions {
  /** Whether XLA compiles the function, once for each set of shapes. */
  readonly xla: boolean;
}

/** Names of what a run feeds and of its results, separated by commas. */
interface Signature {
  readonly inputs: string;
  readonly outputs: string;
}

/**
 * The bytes of a SavedModel: one function, and a graph that calls it with placeholders for inputs and weights. Field
 * numbers are those of saved_model.proto, graph.proto, function.proto and what they name.
 */
export function savedModel(model: TfModel, { xla }: SavedModelOptions): Uint8Array {
  const args = argumentsOf(model);
  const graph = new ProtoWriter();
  for (const port of args) graph.message(1, placeholder(port));
  graph.message(1, call(model, args, xla));
  const library = new ProtoWriter().message(1, functionDef({ name: FUNCTION, body: model }, xla));
  for (const part of model.functions ?? []) library.message(1, functionDef(part, true));
  graph.message(2, library);
  graph.message(4, new ProtoWriter().int(1, PRODUCER));
  const info = new ProtoWriter().string(4, TAG).string(5, '2.21.0');
  const meta = new ProtoWriter().message(1, info).message(2, graph);
  return new ProtoWriter().int(1, 1).message(2, meta).bytes();
}

export function signatureOf(model: TfModel): Signature {
  return {
    inputs: argumentsOf(model)
      .map(({ name }) => `feed_${name}:0`)
      .join(),
    outputs: model.outputs.map((_, i) => `${CALL}:${i}`).join(),
  };
}

/** Inputs, then weights. */
function argumentsOf({ inputs, weights }: TfModel): readonly Port[] {
  return [...inputs, ...weights];
}

function placeholder({ name, dtype, dims }: Port): ProtoWriter {
  const node = new ProtoWriter().string(1, `feed_${name}`).string(2, 'Placeholder');
  return node.message(5, attribute('dtype', type(dtype))).message(5, attribute('shape', shapeAttr(dims!)));
}

function call(model: TfModel, args: readonly Port[], xla: boolean): ProtoWriter {
  // A function without state may be inlined and pruned; for XLA it must stay whole.
  const node = new ProtoWriter().string(1, CALL).string(2, xla ? 'StatefulPartitionedCall' : 'PartitionedCall');
  for (const { name } of args) node.string(3, `feed_${name}`);
  node.message(5, attribute('f', new ProtoWriter().message(10, new ProtoWriter().string(1, FUNCTION))));
  node.message(5, attribute('Tin', types(args)));
  node.message(5, attribute('Tout', types(model.outputs)));
  if (xla) node.message(5, attribute('_XlaMustCompile', new ProtoWriter().int(5, 1)));
  return node;
}

function functionDef({ name, body: model }: TfFunction, xla: boolean): ProtoWriter {
  const args = argumentsOf(model);
  const signature = new ProtoWriter().string(1, name);
  for (const { name, dtype } of args) signature.message(2, argDef(name, dtype));
  model.outputs.forEach(({ dtype }, i) => signature.message(3, argDef(`out${i}`, dtype)));
  const body = new ProtoWriter().message(1, signature);
  for (const mark of xla ? XLA_FUNCTION : []) body.message(5, attribute(mark, new ProtoWriter().int(5, 1)));
  const names = bodyNames(model, args);
  for (const { name, dtype, dims, data } of model.constants.values()) {
    body.message(3, constant(name, dtype, tensor(dtype, dims, data)));
  }
  for (const { op, inputs, outputs, attrs } of model.nodes) {
    const node = new ProtoWriter().string(1, outputs[0]!).string(2, op);
    for (const input of inputs) node.string(3, names.get(input)!);
    for (const [name, value] of Object.entries(attrs)) node.message(5, attribute(name, attrValue(value)));
    body.message(3, node);
  }
  model.outputs.forEach(({ name }, i) =>
    body.message(4, new ProtoWriter().string(1, `out${i}`).string(2, names.get(name)!)),
  );
  return body;
}

/** How each value is called inside of the function. */
function bodyNames(model: TfModel, args: readonly Port[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>(args.map(({ name }) => [name, name]));
  for (const name of model.constants.keys()) names.set(name, `${name}:output:0`);
  for (const { op, outputs } of model.nodes) {
    outputs.forEach((name, i) => names.set(name, outputName(outputs[0]!, op, i)));
  }
  return names;
}

function argDef(name: string, dtype: ElementType): ProtoWriter {
  return new ProtoWriter().string(1, name).int(3, TYPES[dtype]);
}

function constant(name: string, dtype: ElementType, value: ProtoWriter): ProtoWriter {
  const node = new ProtoWriter().string(1, name).string(2, 'Const');
  return node.message(5, attribute('dtype', type(dtype))).message(5, attribute('value', value));
}

function attribute(name: string, value: ProtoWriter): ProtoWriter {
  return new ProtoWriter().string(1, name).message(2, value);
}

function attrValue(value: TfAttr): ProtoWriter {
  if ('type' in value) return type(value.type);
  if ('int' in value) return new ProtoWriter().int(3, value.int);
  if ('float' in value) return new ProtoWriter().float(4, value.float);
  if ('bool' in value) return new ProtoWriter().int(5, value.bool ? 1 : 0);
  if ('function' in value) return new ProtoWriter().message(10, new ProtoWriter().string(1, value.function));
  if ('types' in value) return typeList(value.types);
  if ('text' in value) return new ProtoWriter().string(2, value.text);
  const list = new ProtoWriter();
  for (const item of value.ints) list.int(3, item);
  return new ProtoWriter().message(1, list);
}

function type(dtype: ElementType): ProtoWriter {
  return new ProtoWriter().int(6, TYPES[dtype]);
}

function types(ports: readonly Port[]): ProtoWriter {
  return typeList(ports.map(({ dtype }) => dtype));
}

function typeList(dtypes: readonly ElementType[]): ProtoWriter {
  const list = new ProtoWriter();
  for (const dtype of dtypes) list.int(6, TYPES[dtype]);
  return new ProtoWriter().message(1, list);
}

function shapeOf(dims: readonly (number | string)[]): ProtoWriter {
  const shape = new ProtoWriter();
  for (const dim of dims) shape.message(2, new ProtoWriter().int(1, typeof dim === 'number' ? dim : -1));
  return shape;
}

function shapeAttr(dims: readonly (number | string)[]): ProtoWriter {
  return new ProtoWriter().message(7, shapeOf(dims));
}

function tensor(dtype: ElementType, dims: readonly number[], data: ArrayBufferView): ProtoWriter {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const value = new ProtoWriter().int(1, TYPES[dtype]).message(2, shapeOf(dims)).raw(4, bytes);
  return new ProtoWriter().message(8, value);
}

/**
 * Inside of a function TensorFlow names a value `node:argument:index`, by the output arguments of its op definitions.
 * Those of the ops that are written here; the result of an op that is missing is named `output`.
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
function outputName(node: string, op: string, index: number): string {
  const several = SEVERAL[op];
  if (several) return `${node}:${several[index]}:0`;
  return `${node}:${byOp.get(op) ?? 'output'}:${index}`;
}
