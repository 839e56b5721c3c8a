import type { DType, TypedArray, Value } from '../trace/graph.ts';
import type { OnnxAttr, OnnxBuilder } from './lowering.ts';
import type { OnnxConstant, OnnxNode, OnnxType } from './model.ts';

type AttrRecord = Readonly<Record<string, OnnxAttr>>;

/** Collects the nodes and constants of one ONNX graph. */
export class GraphBuilder implements OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxConstant>();
  readonly convBlock: number | null;
  readonly #names = new Map<number, string>();
  readonly #producers = new Map<string, OnnxNode>();
  #next = 0;

  constructor(convBlock: number | null = null) {
    this.convBlock = convBlock;
  }

  /** Says which ONNX name a traced value has. */
  bind(value: Value, name: string): void {
    this.#names.set(value.id, name);
  }

  name(value: Value): string {
    return this.#names.get(value.id)!;
  }

  op(op: string, inputs: readonly string[], attrs: AttrRecord = {}, domain?: string): string {
    if (op === 'Transpose') return this.#transpose(inputs[0]!, attrs['perm'] as readonly number[]);
    return this.ops(op, inputs, 1, attrs, domain)[0]!;
  }

  ops(op: string, inputs: readonly string[], count: number, attrs: AttrRecord = {}, domain?: string): string[] {
    const outputs = Array.from({ length: count }, () => `v${this.#next++}`);
    const node: OnnxNode = { op, inputs, outputs, attrs, ...(domain ? { domain } : {}) };
    this.nodes.push(node);
    for (const output of outputs) this.#producers.set(output, node);
    return outputs;
  }

  /** Two transpositions in a row become one, or none: a weight turned to tfjs' layout and back is used as it is. */
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
    return this.#constant({ kind: 'shape', dtype: 'int64', dims: [values.length], data });
  }

  scalar(value: number, dtype: OnnxType): string {
    const data = dtype === 'int64' ? BigInt64Array.of(BigInt(value)) : ARRAYS[dtype].of(value);
    return this.#constant({ kind: 'data', dtype, dims: [], data });
  }

  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string {
    return this.#constant({ kind: 'data', dtype, dims, data });
  }

  #constant(constant: Omit<OnnxConstant, 'name'>): string {
    const name = `c${this.#next++}`;
    this.constants.set(name, { name, ...constant });
    return name;
  }
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;
