import { TesseraError } from '@tessera/errors';
import type { LoweredModel, Port } from '../lowered-model.ts';
import type { Fused, Graph, GraphNode } from '../trace/graph.ts';
import { GraphBuilder } from './graph-builder.ts';
import { ELEMENTWISE } from './lower-elementwise.ts';
import { FUSED } from './lower-fused.ts';
import { GROUP_NORM } from './lower-group-norm.ts';
import { GATHER } from './lower-gather.ts';
import { LINEAR } from './lower-linear.ts';
import { REDUCE } from './lower-reduce.ts';
import { SHAPE } from './lower-shape.ts';
import type { TfAttr, TfLowering } from './lowering.ts';

export interface TfModel extends LoweredModel<TfAttr> {
  /** Functions that nodes call by name, each compiled by XLA. */
  readonly functions?: readonly TfFunction[];
}

export interface TfFunction {
  readonly name: string;
  readonly body: TfModel;
}

const LOWERINGS: Readonly<Record<string, TfLowering>> = {
  ...ELEMENTWISE,
  ...SHAPE,
  ...REDUCE,
  ...LINEAR,
  ...GATHER,
  ...FUSED,
  ...GROUP_NORM,
};

/**
 * Whether TensorFlow has nodes of its own for a fused op; see `TraceRequest.whole`. Ops of ours are for the CPU, and
 * XLA does not know them.
 */
export function isLoweredWhole({ name }: Fused, hasOwnOps: boolean): boolean {
  return name in FUSED || (hasOwnOps && isOwnOp(name));
}

/** Whether a node is run by an op of ours, of `packages/engine/ops`. */
export function isOwnOp(kernel: string): boolean {
  return kernel in GROUP_NORM;
}

/**
 * Writes a traced graph as TensorFlow nodes.
 * @throws TesseraError `lowering-missing`
 */
export function lowerGraph(graph: Graph): TfModel {
  return lowerWith(graph, (builder) => {
    for (const node of graph.nodes) lowerNode(node, builder);
  });
}

/** Writes inputs, weights and constants, then what `write` makes of the nodes. */
export function lowerWith(graph: Graph, write: (builder: GraphBuilder) => void): TfModel {
  const builder = new GraphBuilder();
  const inputs: Port[] = graph.inputs.map(({ shape, dtype }, i) => ({ name: `in${i}`, dtype, dims: shape }));
  graph.inputs.forEach((value, i) => builder.bind(value, `in${i}`));
  const weights = graph.captured.map(({ value, dataId }, i) => {
    builder.bind(value, `w${i}`);
    return { name: `w${i}`, dtype: value.dtype, dims: value.shape, dataId };
  });
  for (const { value, data } of graph.constants) builder.bind(value, builder.constant(data, value.dtype, value.shape));
  write(builder);
  const outputs = graph.outputs.map((value) => ({ name: builder.name(value), dtype: value.dtype }));
  return { nodes: builder.nodes, constants: builder.constants, weights, inputs, outputs };
}

export function lowerNode(node: GraphNode, builder: GraphBuilder): void {
  const lower = LOWERINGS[node.kernel];
  if (!lower) {
    throw new TesseraError({
      code: 'lowering-missing',
      who: `tensorflow: ${node.kernel}`,
      got: 'a kernel without a lowering',
      expected: 'a kernel that TensorFlow can express',
      next: 'Run the function with the target eager.',
    });
  }
  const names = [lower(node, builder)].flat();
  node.outputs.forEach((value, i) => builder.bind(value, names[i]!));
}
