import type { LoweredConstant, LoweredNode } from '../lowered-model.ts';
import type { DType, TypedArray, Value } from '../trace/graph.ts';
import type { TfAttr, TfAttrs, TfBuilder, TfMany, TfResult } from './lowering.ts';

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Collects the nodes and constants of one TensorFlow function. */
export class GraphBuilder implements TfBuilder {
  readonly nodes: LoweredNode<TfAttr>[] = [];
  readonly constants = new Map<string, LoweredConstant>();
  readonly #names = new Map<number, string>();
  readonly #dtypes = new Map<string, DType>();
  /** Nodes by what they are: no op has an effect, and so none is wanted twice. */
  readonly #written = new Map<string, string[]>();
  readonly #known = new Map<string, string>();
  #next = 0;

  /** Says which name a traced value has. */
  bind(value: Value, name: string): void {
    this.#names.set(value.id, name);
    this.#dtypes.set(name, value.dtype);
  }

  name(value: Value): string {
    return this.#names.get(value.id)!;
  }

  op(op: string, inputs: readonly string[], attrs: TfAttrs = {}, { dtype, untyped }: TfResult = {}): string {
    const first = inputs[0] === undefined ? undefined : this.#dtypes.get(inputs[0])!;
    const typed = untyped || first === undefined ? attrs : { T: { type: first }, ...attrs };
    return this.ops({ op, inputs, attrs: typed, dtypes: [dtype ?? first!] })[0]!;
  }

  ops(node: TfMany): string[] {
    const key = JSON.stringify(node);
    const known = this.#written.get(key) ?? this.#write(node);
    this.#written.set(key, known);
    return known;
  }

  #write({ op, inputs, attrs, dtypes }: TfMany): string[] {
    const name = `n${this.#next++}`;
    const outputs = dtypes.map((dtype, i) => {
      const output = i === 0 ? name : `${name}_${i}`;
      this.#dtypes.set(output, dtype);
      return output;
    });
    this.nodes.push({ op, inputs, outputs, attrs });
    return outputs;
  }

  ints(values: readonly number[]): string {
    return this.#constant({ kind: 'shape', dtype: 'int32', dims: [values.length], data: Int32Array.from(values) });
  }

  scalar(value: number, dtype: DType): string {
    const key = `${dtype} ${Object.is(value, -0) ? '-0' : value}`;
    const known = this.#known.get(key);
    if (known) return known;
    const name = this.#constant({ kind: 'data', dtype, dims: [], data: ARRAYS[dtype].of(value) });
    this.#known.set(key, name);
    return name;
  }

  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string {
    return this.#constant({ kind: 'data', dtype, dims, data });
  }

  #constant(constant: Omit<LoweredConstant, 'name'>): string {
    const name = `c${this.#next++}`;
    this.constants.set(name, { name, ...constant });
    this.#dtypes.set(name, constant.dtype as DType);
    return name;
  }
}
