import {
  bindEdges,
  exactKey,
  fusedLowering,
  lowerNode,
  shareNodes,
  type Fused,
  type Graph,
  type Lowerings,
} from '@tessera/engine/target';
import { TfWriter, type TfFunction, type TfLowering, type TfModel } from './builder.ts';
import { FUSED, OWN_OPS } from './fused.ts';
import { ELEMENTWISE } from './lower-elementwise.ts';
import { LINEAR } from './lower-linear.ts';
import { GATHER, REDUCE } from './lower-reduce.ts';
import { SHAPE } from './lower-shape.ts';
import { partition, type Cluster } from './partition.ts';

const TENSORFLOW: Lowerings<TfLowering> = {
  language: 'tensorflow',
  title: 'TensorFlow',
  kernels: { ...ELEMENTWISE, ...SHAPE, ...REDUCE, ...LINEAR, ...GATHER },
  fused: new Map([...FUSED, ...OWN_OPS]),
};

/** Whether TensorFlow has nodes of its own for a fused op; see `GraphTarget.whole`. */
export function isLoweredWhole(fused: Fused, hasOwnOps: boolean): boolean {
  return OWN_OPS.has(fused) ? hasOwnOps : fusedLowering(fused, TENSORFLOW) !== undefined;
}

/**
 * Writes a traced graph as TensorFlow nodes.
 * @throws TesseraError `lowering-missing`
 */
export function lowerGraph(graph: Graph): TfModel {
  return lowerWith(graph, (builder) => {
    for (const node of graph.nodes) lowerNode(node, builder, TENSORFLOW);
  });
}

/** Writes inputs, weights and constants, then what `write` makes of the nodes. */
function lowerWith(graph: Graph, write: (builder: TfWriter) => void): TfModel {
  const builder = new TfWriter();
  const edges = bindEdges(graph, builder);
  write(builder);
  const outputs = graph.outputs.map((value) => ({ name: builder.name(value), dtype: value.dtype }));
  return { nodes: builder.nodes, constants: builder.constants, ...edges, outputs };
}

/** Clusters with at least so many nodes that compute become functions. */
const WORTH_A_CALL = 2;

/**
 * Writes a traced graph of fixed shapes as TensorFlow nodes: products and convolutions as they are, and all between
 * them as functions that XLA compiles.
 * @throws TesseraError `lowering-missing`
 */
export function lowerInParts(traced: Graph): TfModel {
  const graph = shareNodes(traced);
  /** By content: equal layers share functions, and XLA compiles each once. */
  const functions = new Map<string, TfFunction>();
  const model = lowerWith(graph, (builder) => {
    for (const { whole, cluster } of partition(graph)) {
      for (const node of whole) lowerNode(node, builder, TENSORFLOW);
      if (cluster.nodes.filter(({ kernel }) => !(kernel in SHAPE)).length < WORTH_A_CALL) {
        for (const node of cluster.nodes) lowerNode(node, builder, TENSORFLOW);
      } else {
        callCluster(graph, cluster, { builder, functions });
      }
    }
  });
  return { ...model, functions: [...functions.values()] };
}

/** Writes the cluster's function where it is new, and the call of it. Constants go into it, where XLA can fold them. */
function callCluster(
  graph: Graph,
  { nodes, inputs, outputs }: Cluster,
  { builder, functions }: { readonly builder: TfWriter; readonly functions: Map<string, TfFunction> },
): void {
  const constants = graph.constants.filter(({ value }) => inputs.includes(value));
  const fed = inputs.filter((input) => !constants.some(({ value }) => value === input));
  const body = lowerGraph({ inputs: fed, constants, captured: [], nodes, outputs });
  const key = exactKey({ ...body, constants: [...body.constants.values()] });
  const known = functions.get(key) ?? { name: `part${functions.size}`, body };
  functions.set(key, known);
  const dtypes = outputs.map(({ dtype }) => dtype);
  const attrs = {
    f: { function: known.name },
    Tin: { types: fed.map(({ dtype }) => dtype) },
    Tout: { types: dtypes },
    _XlaMustCompile: { bool: true },
  };
  const call = { op: 'StatefulPartitionedCall', inputs: fed.map((value) => builder.name(value)), attrs, dtypes };
  const names = builder.ops(call);
  outputs.forEach((value, i) => builder.bind(value, names[i]!));
}
