import { TesseraError } from '@tessera/errors';
import type { LoweredConstant, LoweredNode, LoweredWeight, Port } from '../target.ts';
import type { DType, Fused, Graph, GraphNode, TypedArray, Value } from '../trace/graph.ts';

/*
 * What the languages of graphs have in common: names for values, a table of lowerings by kernel and by fused op.
 */

/** Collects the nodes and constants of one lowered graph. `A` is what the language's attributes look like. */
export abstract class GraphWriter<A> {
  readonly nodes: LoweredNode<A>[] = [];
  readonly constants = new Map<string, LoweredConstant>();
  readonly #names = new Map<number, string>();
  #next = 0;

  /** Sets the name of a traced value. */
  bind(value: Value, name: string): void {
    this.#names.set(value.id, name);
  }

  name(value: Value): string {
    return this.#names.get(value.id)!;
  }

  constant(data: TypedArray, dtype: DType, dims: readonly number[]): string {
    return this.addConstant({ kind: 'data', dtype, dims, data });
  }

  protected addConstant(constant: Omit<LoweredConstant, 'name'>): string {
    const name = this.nextName('c');
    this.constants.set(name, { name, ...constant });
    return name;
  }

  protected nextName(kind: string): string {
    return `${kind}${this.#next++}`;
  }
}

/** Binds a graph's inputs, weights and constants, before its nodes are written. */
export function bindEdges(
  graph: Graph,
  writer: GraphWriter<unknown>,
): { readonly inputs: readonly Port[]; readonly weights: readonly LoweredWeight[] } {
  const inputs = graph.inputs.map((value, i) => {
    writer.bind(value, `in${i}`);
    return { name: `in${i}`, dtype: value.dtype, dims: value.shape };
  });
  const weights = graph.captured.map(({ value, dataId }, i) => {
    writer.bind(value, `w${i}`);
    return { name: `w${i}`, dtype: value.dtype, dims: value.shape, dataId };
  });
  for (const { value, data } of graph.constants) writer.bind(value, writer.constant(data, value.dtype, value.shape));
  return { inputs, weights };
}

/** The lowerings of one language. */
export interface Lowerings<L> {
  /** As authors of fused ops name it in `lowerings`: `onnx`. */
  readonly language: string;
  /** For errors: `ONNX`. */
  readonly title: string;
  readonly kernels: Readonly<Record<string, L>>;
  readonly fused: ReadonlyMap<Fused, L>;
}

/** The lowering of a fused op: the table's, or one that came with the op. Undefined where its parts are to be recorded. */
export function fusedLowering<L>(fused: Fused, { fused: table, language }: Lowerings<L>): L | undefined {
  return table.get(fused) ?? (fused.lowerings?.[language] as L | undefined);
}

type Lower<W> = (node: GraphNode, writer: W) => string | readonly string[];

/**
 * Writes one node and binds its outputs.
 * @throws TesseraError `lowering-missing`
 */
export function lowerNode<W extends GraphWriter<unknown>>(node: GraphNode, writer: W, all: Lowerings<Lower<W>>): void {
  const lower = node.fused ? fusedLowering(node.fused, all) : all.kernels[node.kernel];
  if (!lower) throw loweringMissing(node, all);
  const names = [lower(node, writer)].flat();
  for (const [i, value] of node.outputs.entries()) writer.bind(value, names[i]!);
}

function loweringMissing({ kernel }: GraphNode, { language, title }: Lowerings<unknown>): TesseraError {
  return new TesseraError({
    code: 'lowering-missing',
    who: `${language}: ${kernel}`,
    got: 'a kernel without a lowering',
    expected: `a kernel that ${title} can express`,
    next: 'Run the function with the target eager.',
  });
}
