import { ProtoWriter, type ElementType, type Port } from '@tessera/engine/target';
import type { OnnxAttr, OnnxNode } from './builder.ts';

/** IR 11 goes with opset 23, the first that has Attention. */
const IR_VERSION = 11;
const OPSET = 23;
/** Operators in ONNX Runtime's own layout; not every build has them. */
const NCHWC = 'com.microsoft.nchwc';

const TYPES: Readonly<Record<TensorData['dtype'], number>> = { float32: 1, int8: 3, int32: 6, int64: 7, bool: 9 };
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** Numbers of an initializer: in the model itself, or elsewhere. */
export interface TensorData {
  readonly name: string;
  readonly dtype: ElementType | 'int8';
  readonly dims: readonly number[];
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}

export interface ModelParts {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly TensorData[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** The bytes of an ONNX ModelProto (field numbers of onnx.proto3). */
export function modelProto({ nodes, initializers, inputs, outputs }: ModelParts): Uint8Array {
  const graph = new ProtoWriter();
  for (const node of nodes) graph.message(1, nodeProto(node));
  graph.string(2, 'tessera');
  for (const tensor of initializers) graph.message(5, tensorProto(tensor));
  for (const port of inputs) graph.message(11, valueInfo(port));
  for (const port of outputs) graph.message(12, valueInfo(port));
  const model = new ProtoWriter().int(1, IR_VERSION).string(2, 'tessera').message(7, graph);
  model.message(8, new ProtoWriter().string(1, '').int(2, OPSET));
  model.message(8, new ProtoWriter().string(1, 'com.microsoft').int(2, 1));
  if (nodes.some((node) => node.domain === NCHWC)) model.message(8, new ProtoWriter().string(1, NCHWC).int(2, 1));
  return model.bytes();
}

function nodeProto({ op, inputs, outputs, attrs, domain }: OnnxNode): ProtoWriter {
  const node = new ProtoWriter();
  for (const name of inputs) node.string(1, name);
  for (const name of outputs) node.string(2, name);
  node.string(3, outputs[0]!).string(4, op);
  for (const [name, value] of Object.entries(attrs)) node.message(5, attributeProto(name, value));
  if (domain) node.string(7, domain);
  return node;
}

function attributeProto(name: string, value: OnnxAttr): ProtoWriter {
  const attribute = new ProtoWriter().string(1, name);
  if (typeof value === 'number') return attribute.int(3, value).int(20, ATTRIBUTE.int);
  if (typeof value === 'string') return attribute.string(4, value).int(20, ATTRIBUTE.string);
  if ('float' in value) return attribute.float(2, value.float).int(20, ATTRIBUTE.float);
  for (const item of value) attribute.int(8, item);
  return attribute.int(20, ATTRIBUTE.ints);
}

function tensorProto({ name, dtype, dims, data }: TensorData): ProtoWriter {
  const tensor = new ProtoWriter();
  for (const dim of dims) tensor.int(1, dim);
  tensor.int(2, TYPES[dtype]).string(8, name);
  if (data instanceof Uint8Array) return tensor.raw(9, data);
  for (const [key, value] of Object.entries(data)) {
    tensor.message(13, new ProtoWriter().string(1, key).string(2, String(value)));
  }
  return tensor.int(14, 1);
}

function valueInfo({ name, dtype, dims }: Port): ProtoWriter {
  const type = new ProtoWriter().int(1, TYPES[dtype]);
  if (dims) {
    const shape = new ProtoWriter();
    for (const dim of dims) {
      shape.message(1, typeof dim === 'number' ? new ProtoWriter().int(1, dim) : new ProtoWriter().string(2, dim));
    }
    type.message(2, shape);
  }
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, type));
}
