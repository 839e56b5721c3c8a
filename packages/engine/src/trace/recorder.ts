import type { TensorInfo } from '@tensorflow/tfjs';
import type { DType, Fused, Graph, GraphNode, TypedArray, Value } from './graph.ts';

export interface ValueSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export interface NodeSpec {
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

  /** A uniform array becomes a Fill, so that the ones and zeros of gradients take no room. */
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
