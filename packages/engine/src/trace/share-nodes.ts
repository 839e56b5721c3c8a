import { exactKey } from './exact-key.ts';
import type { Fused, Graph, GraphNode, Value } from './graph.ts';

/** Constants up to this size are compared by their numbers. */
const SMALL = 64;

/** The graph with every computation once: of nodes that do the same to the same values, the first serves for all. */
export function shareNodes(graph: Graph): Graph {
  const stands = new Map<number, Value>();
  const known = new Map<string, readonly Value[]>();
  const current = (value: Value): Value => stands.get(value.id) ?? value;
  /** True if `outputs` are the first of their key; else the first take their place. */
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
