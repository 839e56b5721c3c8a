import type { TensorInfo } from '@tensorflow/tfjs';

/** Element types of traced tensors: those of tfjs that programs use. */
export type DType = 'float32' | 'int32' | 'bool';
export type TypedArray = Float32Array | Int32Array | Uint8Array;

/** The array that holds numbers of an element type. */
export const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Shape and element type of a tensor. */
export interface ValueSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** One value of a graph: an input, a constant, a captured weight, or a node's output. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** An op that a target may run in one piece. Targets look it up by identity: two of one name are two ops. */
export interface Fused {
  readonly name: string;
  /** Nodes for it that its author has written, by the language of graphs: `onnx`. */
  readonly lowerings?: Readonly<Record<string, unknown>>;
}

/** One tfjs kernel call, as recorded: the graph's op set is tfjs' own, plus fused ops. */
export interface GraphNode {
  readonly kernel: string;
  /** By tfjs' own input names, in their order (`x`, `a`, `b`, `0`, `1` ...). */
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly Value[];
  /** Which fused op this is; absent for tfjs' own kernels. */
  readonly fused?: Fused;
}

/** A traced function, free of any device. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly constants: readonly { readonly value: Value; readonly data: TypedArray }[];
  /**
   * Tensors from outside that the function uses: weights. `dataId` finds their numbers in tfjs; a variable
   * whose `tensor.dataId` differs has been assigned since.
   */
  readonly captured: readonly { readonly value: Value; readonly dataId: object; readonly tensor: TensorInfo }[];
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly Value[];
}

interface NodeSpec {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, Value>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly ValueSpec[];
  readonly fused?: Fused;
}

/** Collects one graph while its function runs. */
export class Recorder {
  readonly #inputs: Value[] = [];
  readonly #constants: { value: Value; data: TypedArray }[] = [];
  readonly #captured = new Map<object, { value: Value; dataId: object; tensor: TensorInfo }>();
  readonly #nodes: GraphNode[] = [];
  #next = 0;

  #value({ shape, dtype }: ValueSpec): Value {
    return { id: this.#next++, shape: [...shape], dtype };
  }

  input(spec: ValueSpec): Value {
    const value = this.#value(spec);
    this.#inputs.push(value);
    return value;
  }

  /** A uniform array becomes a Fill, so that the ones and zeros of gradients take no memory. */
  constant(data: TypedArray, spec: ValueSpec): Value {
    if (spec.shape.length > 0 && data.length > 0 && data.every((x) => x === data[0])) {
      const attrs = { shape: [...spec.shape], value: data[0], dtype: spec.dtype };
      return this.node({ kernel: 'Fill', inputs: {}, attrs, outputs: [spec] })[0]!;
    }
    const value = this.#value(spec);
    this.#constants.push({ value, data });
    return value;
  }

  capture(tensor: TensorInfo): Value {
    const known = this.#captured.get(tensor.dataId);
    if (known) return known.value;
    const value = this.#value({ shape: tensor.shape, dtype: tensor.dtype as DType });
    this.#captured.set(tensor.dataId, { value, dataId: tensor.dataId, tensor });
    return value;
  }

  node({ outputs, ...rest }: NodeSpec): readonly Value[] {
    const values = outputs.map((spec) => this.#value(spec));
    this.#nodes.push({ ...rest, outputs: values });
    return values;
  }

  /** The graph that gives `outputs`, without what they do not need. Inputs stay, needed or not. */
  finish(outputs: readonly Value[]): Graph {
    const live = new Set(outputs.map((value) => value.id));
    const nodes: GraphNode[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((value) => live.has(value.id))) continue;
      nodes.push(node);
      for (const value of Object.values(node.inputs)) live.add(value.id);
    }
    const needed = ({ value }: { value: Value }) => live.has(value.id);
    return {
      inputs: this.#inputs,
      constants: this.#constants.filter(needed),
      captured: [...this.#captured.values()].filter(needed),
      nodes: nodes.reverse(),
      outputs,
    };
  }
}

/** Constants up to this size are compared by their numbers. */
const SMALL = 64;

/** The graph with every computation once: equal nodes on equal values are replaced by the first of them. */
export function shareNodes(graph: Graph): Graph {
  const stands = new Map<number, Value>();
  const known = new Map<string, readonly Value[]>();
  const current = (value: Value): Value => stands.get(value.id) ?? value;
  /** True if `outputs` are the first of their key; otherwise the first replace them. */
  const isNew = (key: string, outputs: readonly Value[]): boolean => {
    const same = known.get(key);
    if (!same) known.set(key, outputs);
    else outputs.forEach((value, i) => stands.set(value.id, same[i]!));
    return !same;
  };
  for (const { value, data } of graph.constants) {
    if (data.length <= SMALL) isNew(exactKey([value.dtype, value.shape, [...data]]), [value]);
  }
  // Two fused ops of one name are two ops.
  const ops = new Map<Fused | undefined, number>();
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, value]) => [name, current(value)]));
    const ids = Object.entries(inputs).map(([name, { id }]) => [name, id]);
    const forms = node.outputs.map(({ shape, dtype }) => [shape, dtype]);
    if (!ops.has(node.fused)) ops.set(node.fused, ops.size);
    if (isNew(exactKey([node.kernel, ops.get(node.fused), ids, node.attrs, forms]), node.outputs))
      nodes.push({ ...node, inputs });
  }
  return { ...graph, nodes, outputs: graph.outputs.map(current) };
}

/** JSON that distinguishes all numbers: plain JSON writes NaN and both infinities as null, and -0 as 0. */
export function exactKey(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== 'number') return part;
    if (Object.is(part, -0)) return { number: '-0' };
    return Number.isFinite(part) ? part : { number: String(part) };
  });
}
