import type { Graph, GraphNode, Value } from '@tessera/engine/target';

/** Nodes that XLA compiles into one function. */
export interface Cluster {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** A stage of the program: first nodes that run as they are, then the compiled nodes that depend on them. */
export interface Stage {
  readonly whole: readonly GraphNode[];
  readonly cluster: Cluster;
}

const WHOLE = new Set(
  (
    'BatchMatMul Conv2D Conv2DBackpropInput Conv2DBackpropFilter AvgPool MaxPool AvgPoolGrad MaxPoolGrad ' +
    'ResizeNearestNeighbor ResizeBilinear ResizeNearestNeighborGrad GatherV2 GatherNd ScatterNd UnsortedSegmentSum ' +
    'TopK ArgMax ArgMin Cumsum Softmax TesseraInterleave TesseraSquares'
  ).split(' '),
);

const REDUCTIONS = new Set('Sum Prod Max Min All Any Mean LogSoftmax'.split(' '));

/** Computing again may read this many times the bytes that handing over would move: small operands do not count. */
const GENEROUS = 1.25;

/**
 * Cuts a graph into products and convolutions, which TensorFlow's own kernels do best, and everything between them, which
 * XLA computes in few passes over memory. A stage's cluster depends on no later stage, so the cut has no cycles. Nodes that
 * are cheap to compute again are computed in every cluster that needs them, where this moves fewer bytes.
 */
export function partition(graph: Graph): readonly Stage[] {
  const levels = levelsOf(graph);
  const { clusters, outside, handed } = new Places(graph, levels);
  const count = Math.max(...levels.values(), 0) + 1;
  return Array.from({ length: count }, (_, level) => {
    const nodes = graph.nodes.filter((node) => clusters.get(node)?.has(level));
    const own = nodes.filter((node) => !isFree(node) && levels.get(node) === level).flatMap(({ outputs }) => outputs);
    return {
      whole: graph.nodes.filter((node) => outside.has(node) && levels.get(node) === level),
      cluster: { nodes, inputs: inputsOf(nodes), outputs: own.filter(({ id }) => handed.has(id)) },
    };
  });
}

/** A transposition that keeps the last axis reads fast inside a cluster; others are left to TensorFlow's kernel. */
function isWhole({ kernel, attrs }: GraphNode): boolean {
  if (kernel !== 'Transpose') return WHOLE.has(kernel);
  const perm = attrs['perm'] as readonly number[];
  return perm.at(-1) !== perm.length - 1;
}

/** Nodes that cost nothing in either place. */
function isFree({ kernel }: GraphNode): boolean {
  return kernel === 'Reshape' || kernel === 'Identity';
}

function isReduction({ kernel }: GraphNode): boolean {
  return REDUCTIONS.has(kernel);
}

/**
 * The level rises where a value goes from a cluster into a node that runs as it is. The level of a free node is where it can
 * run outside of clusters.
 */
function levelsOf({ nodes }: Graph): ReadonlyMap<GraphNode, number> {
  const levels = new Map<GraphNode, number>();
  const makers = makersOf(nodes);
  for (const node of nodes) {
    const isOutside = isWhole(node) || isFree(node);
    let level = 0;
    for (const input of Object.values(node.inputs)) {
      let maker = makers.get(input.id);
      while (maker && isFree(maker)) maker = makers.get(Object.values(maker.inputs)[0]!.id);
      if (maker) level = Math.max(level, levels.get(maker)! + (isOutside && !isWhole(maker) ? 1 : 0));
    }
    levels.set(node, level);
  }
  return levels;
}

function makersOf(nodes: readonly GraphNode[]): ReadonlyMap<number, GraphNode> {
  return new Map(nodes.flatMap((node) => node.outputs.map(({ id }) => [id, node] as const)));
}

/** From the last node to the first: each is computed where it is needed, or handed over from its own level. */
class Places {
  /** The clusters that compute a node. */
  readonly clusters = new Map<GraphNode, ReadonlySet<number>>();
  /** Nodes that run as they are. */
  readonly outside = new Set<GraphNode>();
  /** Values that leave the cluster that makes them. */
  readonly handed: Set<number>;
  readonly #levels: ReadonlyMap<GraphNode, number>;
  readonly #makers: ReadonlyMap<number, GraphNode>;
  /** For each value, the clusters that read it. */
  readonly #readers = new Map<number, ReadonlySet<number>>();

  constructor({ nodes, outputs }: Graph, levels: ReadonlyMap<GraphNode, number>) {
    this.#levels = levels;
    this.#makers = makersOf(nodes);
    this.handed = new Set(outputs.map(({ id }) => id));
    for (const node of nodes.toReversed()) this.#place(node);
  }

  #place(node: GraphNode): void {
    const inputs = Object.values(node.inputs);
    if (isWhole(node) || (isFree(node) && this.#isHanded(node))) {
      this.outside.add(node);
      for (const { id } of inputs) this.handed.add(id);
    }
    if (isWhole(node)) return;
    const here = isFree(node) ? this.#wanted(node) : this.#computed(node);
    this.clusters.set(node, here);
    for (const { id } of inputs) this.#readers.set(id, new Set([...(this.#readers.get(id) ?? []), ...here]));
  }

  /** The clusters that read the node's outputs. */
  #wanted(node: GraphNode): ReadonlySet<number> {
    return new Set(node.outputs.flatMap(({ id }) => [...(this.#readers.get(id) ?? [])]));
  }

  /** Those of them that compute the node, and its own where it hands its outputs over. */
  #computed(node: GraphNode): ReadonlySet<number> {
    const home = this.#levels.get(node)!;
    const wanted = this.#wanted(node);
    const here = new Set<number>();
    for (const level of wanted) {
      if (level === home) continue;
      if (this.#isMadeAgain(node, level)) here.add(level);
      else for (const { id } of node.outputs) this.handed.add(id);
    }
    if (wanted.has(home) || this.#isHanded(node)) here.add(home);
    return here;
  }

  #isHanded({ outputs }: GraphNode): boolean {
    return outputs.some(({ id }) => this.handed.has(id));
  }

  #isStored({ id }: Value): boolean {
    return !this.#makers.has(id) || isWhole(this.#makers.get(id)!) || this.handed.has(id);
  }

  #isMadeAgain(node: GraphNode, level: number): boolean {
    if (isReduction(node)) return false;
    return this.#bytes(this.#sources(Object.values(node.inputs), level)) <= GENEROUS * this.#bytes(node.outputs);
  }

  /** What a cluster would have to read, and does not read yet, to compute these values itself. */
  #sources(values: readonly Value[], level: number): ReadonlySet<Value> {
    const sources = new Set<Value>();
    const seen = new Set<number>();
    const visit = (value: Value): void => {
      if (seen.has(value.id) || this.#readers.get(value.id)?.has(level)) return;
      seen.add(value.id);
      const isSource = this.#isStored(value) || isReduction(this.#makers.get(value.id)!);
      if (isSource) sources.add(value);
      else Object.values(this.#makers.get(value.id)!.inputs).forEach(visit);
    };
    values.forEach(visit);
    return sources;
  }

  /** Bytes that move to read them: those that are not stored yet have to be written too. */
  #bytes(values: Iterable<Value>): number {
    return [...values].reduce((sum, value) => sum + bytesOf(value) * (this.#isStored(value) ? 1 : 2), 0);
  }
}

function bytesOf({ shape, dtype }: Value): number {
  return shape.reduce((product, dim) => product * dim, dtype === 'bool' ? 1 : 4);
}

function inputsOf(nodes: readonly GraphNode[]): readonly Value[] {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const read = new Map(nodes.flatMap(({ inputs }) => Object.values(inputs).map((value) => [value.id, value] as const)));
  return [...read.values()].filter(({ id }) => !made.has(id));
}
