import { TesseraError } from '@tessera/errors';
import type { Fused, Graph, GraphNode } from '../trace/graph.ts';
import { GraphBuilder } from './graph-builder.ts';
import { CONV } from './lower-conv.ts';
import { ELEMENTWISE } from './lower-elementwise.ts';
import { GATHER } from './lower-gather.ts';
import { MATMUL } from './lower-matmul.ts';
import { POOL } from './lower-pool.ts';
import { REDUCE } from './lower-reduce.ts';
import { SHAPE } from './lower-shape.ts';
import type { Lowering } from './lowering.ts';
import type { OnnxConstant, OnnxModel, OnnxNode, OnnxPort } from './model.ts';

const LOWERINGS: Readonly<Record<string, Lowering>> = {
  ...ELEMENTWISE,
  ...SHAPE,
  ...REDUCE,
  ...MATMUL,
  ...CONV,
  ...POOL,
  ...GATHER,
};

export interface LoweringOptions {
  /** See `OnnxBuilder.convBlock`: null unless filters are inputs. */
  readonly convBlock?: number | null;
}

/**
 * Writes a traced graph as ONNX nodes.
 * @throws TesseraError `lowering-missing`
 */
export function lowerGraph(graph: Graph, { convBlock = null }: LoweringOptions = {}): OnnxModel {
  const builder = new GraphBuilder(convBlock);
  const inputs: OnnxPort[] = graph.inputs.map(({ shape, dtype }, i) => ({ name: `in${i}`, dtype, dims: shape }));
  graph.inputs.forEach((value, i) => builder.bind(value, `in${i}`));
  const weights = graph.captured.map(({ value, dataId }, i) => {
    builder.bind(value, `w${i}`);
    return { name: `w${i}`, dtype: value.dtype, dims: value.shape, dataId };
  });
  for (const { value, data } of graph.constants) builder.bind(value, builder.constant(data, value.dtype, value.shape));
  for (const node of graph.nodes) lowerNode(node, builder);
  const outputs = nameOutputs(graph, builder);
  const { nodes, constants } = prune(builder, outputs);
  return { nodes, constants, weights, inputs, outputs };
}

/** Whether ONNX has nodes for a fused op; see `TraceRequest.whole`. */
export function isLoweredWhole(fused: Fused): boolean {
  return fused.lower !== undefined;
}

/** `FusedSpec.lower`, whose type a graph, which knows no target, cannot name. */
function loweringOf({ lower }: Fused): Lowering | undefined {
  return lower as Lowering | undefined;
}

function lowerNode(node: GraphNode, builder: GraphBuilder): void {
  const lower = node.fused ? loweringOf(node.fused) : LOWERINGS[node.kernel];
  if (!lower) {
    throw new TesseraError({
      code: 'lowering-missing',
      who: `onnx: ${node.kernel}`,
      got: 'a kernel without a lowering',
      expected: 'a kernel that ONNX can express',
      next: 'Run the function with the target eager.',
    });
  }
  const names = [lower(node, builder)].flat();
  node.outputs.forEach((value, i) => builder.bind(value, names[i]!));
}

/** A result that no node makes (an argument, a weight, a constant) is copied: ONNX outputs must come from nodes. */
function nameOutputs(graph: Graph, builder: GraphBuilder): OnnxPort[] {
  const made = new Set(builder.nodes.flatMap((node) => node.outputs));
  return graph.outputs.map((value) => {
    const name = builder.name(value);
    return { name: made.has(name) ? name : builder.op('Identity', [name]), dtype: value.dtype };
  });
}

/** Leaves out what cancelled transpositions have left behind. */
function prune(builder: GraphBuilder, outputs: readonly OnnxPort[]) {
  const live = new Set(outputs.map((port) => port.name));
  const nodes: OnnxNode[] = [];
  for (const node of builder.nodes.toReversed()) {
    if (!node.outputs.some((name) => live.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) live.add(name);
  }
  const constants = new Map<string, OnnxConstant>([...builder.constants].filter(([name]) => live.has(name)));
  return { nodes: nodes.reverse(), constants };
}
