import { ARRAYS, GraphWriter } from '@tessera/engine/target';
import type {
  DType,
  ElementType,
  GraphNode,
  LoweredModel,
  LoweredNode,
  TypedArray,
  Value,
} from '@tessera/engine/target';

/** An attribute of a node: an integer, a string, integers, or a float. */
export type OnnxAttr = number | string | readonly number[] | { readonly float: number };

type OnnxAttrs = Readonly<Record<string, OnnxAttr>>;
export type OnnxNode = LoweredNode<OnnxAttr>;
export type OnnxModel = LoweredModel<OnnxAttr>;

/** Writes ONNX nodes. Names are strings of the ONNX graph. */
export interface OnnxBuilder {
  /**
   * Channels per block of ONNX Runtime's own layout, for convolutions whose filters change from run to run. Null: plain
   * Conv, which ONNX Runtime converts to that layout itself where filters are constants.
   */
  readonly convBlock: number | null;
  /** The ONNX name of a traced value. */
  name(value: Value): string;
  op(op: string, inputs: readonly string[], attrs?: OnnxAttrs, domain?: string): string;
  /** An op of several outputs. */
  ops(op: string, inputs: readonly string[], count: number, attrs?: OnnxAttrs, domain?: string): string[];
  /** A vector of int64; where two traces differ it becomes a slot that each call fills. */
  ints(values: readonly number[]): string;
  scalar(value: number, dtype: DType | 'int64'): string;
  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string;
}

/** Lowers one node; returns the ONNX names of its outputs in order. */
export type OnnxLowering = (node: GraphNode, onnx: OnnxBuilder) => string | readonly string[];

/** Collects the nodes and constants of one ONNX graph. */
export class OnnxWriter extends GraphWriter<OnnxAttr> implements OnnxBuilder {
  readonly convBlock: number | null;
  readonly #producers = new Map<string, OnnxNode>();

  constructor(convBlock: number | null = null) {
    super();
    this.convBlock = convBlock;
  }

  op(op: string, inputs: readonly string[], attrs: OnnxAttrs = {}, domain?: string): string {
    if (op === 'Transpose') return this.#transpose(inputs[0]!, attrs['perm'] as readonly number[]);
    return this.ops(op, inputs, 1, attrs, domain)[0]!;
  }

  ops(op: string, inputs: readonly string[], count: number, attrs: OnnxAttrs = {}, domain?: string): string[] {
    const outputs = Array.from({ length: count }, () => this.nextName('v'));
    const node: OnnxNode = { op, inputs, outputs, attrs, ...(domain ? { domain } : {}) };
    this.nodes.push(node);
    for (const output of outputs) this.#producers.set(output, node);
    return outputs;
  }

  /** Two transpositions in a row become one, or none: a weight transposed to tfjs' layout and back is used as it is. */
  #transpose(input: string, perm: readonly number[]): string {
    const before = this.#producers.get(input);
    const isTwice = before?.op === 'Transpose';
    const source = isTwice ? before.inputs[0]! : input;
    const inner = isTwice ? (before.attrs['perm'] as readonly number[]) : null;
    const total = inner ? perm.map((axis) => inner[axis]!) : perm;
    if (total.every((axis, i) => axis === i)) return source;
    return this.ops('Transpose', [source], 1, { perm: total })[0]!;
  }

  ints(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.addConstant({ kind: 'shape', dtype: 'int64', dims: [values.length], data });
  }

  scalar(value: number, dtype: ElementType): string {
    const data = dtype === 'int64' ? BigInt64Array.of(BigInt(value)) : ARRAYS[dtype].of(value);
    return this.addConstant({ kind: 'data', dtype, dims: [], data });
  }
}
