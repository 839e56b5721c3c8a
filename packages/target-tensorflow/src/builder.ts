import { ARRAYS, GraphWriter } from '@tessera/engine/target';
import type { DType, GraphNode, LoweredConstant, LoweredModel, TypedArray, Value } from '@tessera/engine/target';

/** An attribute of a TensorFlow op, by the field of AttrValue that holds it. */
export type TfAttr =
  | { readonly type: DType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly types: readonly DType[] }
  | { readonly function: string };

export type TfAttrs = Readonly<Record<string, TfAttr>>;

export interface TfResult {
  /** Element type of the results: by default the first input's. */
  readonly dtype?: DType;
  /** The op has no attribute T for the first input's type. */
  readonly untyped?: boolean;
}

/** Writes TensorFlow nodes. Names are strings of the graph. */
export interface TfBuilder {
  /** The name of a traced value. */
  name(value: Value): string;
  op(op: string, inputs: readonly string[], attrs?: TfAttrs, result?: TfResult): string;
  /** An op whose results are these output arguments: `values`, `indices`. */
  ops(node: TfMany): string[];
  /** A vector of int32; where two traces differ it becomes a slot that each call fills. */
  ints(values: readonly number[]): string;
  scalar(value: number, dtype: DType): string;
  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string;
}

interface TfMany {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attrs: TfAttrs;
  readonly dtypes: readonly DType[];
}

/** Lowers one node; returns the names of its outputs in order. */
export type TfLowering = (node: GraphNode, tf: TfBuilder) => string | readonly string[];

/** A graph as TensorFlow nodes. */
export interface TfModel extends LoweredModel<TfAttr> {
  /** Functions that nodes call by name, each compiled by XLA. */
  readonly functions?: readonly TfFunction[];
}

export interface TfFunction {
  readonly name: string;
  readonly body: TfModel;
}

/** Collects the nodes and constants of one TensorFlow function. */
export class TfWriter extends GraphWriter<TfAttr> implements TfBuilder {
  readonly #dtypes = new Map<string, DType>();
  /** Equal nodes are written once: no op has side effects. */
  readonly #written = new Map<string, string[]>();
  readonly #scalars = new Map<string, string>();

  override bind(value: Value, name: string): void {
    super.bind(value, name);
    this.#dtypes.set(name, value.dtype);
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
    const name = this.nextName('n');
    const outputs = dtypes.map((dtype, i) => {
      const output = i === 0 ? name : `${name}_${i}`;
      this.#dtypes.set(output, dtype);
      return output;
    });
    this.nodes.push({ op, inputs, outputs, attrs });
    return outputs;
  }

  ints(values: readonly number[]): string {
    return this.addConstant({ kind: 'shape', dtype: 'int32', dims: [values.length], data: Int32Array.from(values) });
  }

  scalar(value: number, dtype: DType): string {
    const key = `${dtype} ${Object.is(value, -0) ? '-0' : value}`;
    const known = this.#scalars.get(key);
    if (known) return known;
    const name = this.addConstant({ kind: 'data', dtype, dims: [], data: ARRAYS[dtype].of(value) });
    this.#scalars.set(key, name);
    return name;
  }

  protected override addConstant(constant: Omit<LoweredConstant, 'name'>): string {
    const name = super.addConstant(constant);
    this.#dtypes.set(name, constant.dtype as DType);
    return name;
  }
}
