import {
  bindEdges,
  fusedLowering,
  lowerNode,
  type Fused,
  type Graph,
  type LoweredConstant,
  type Lowerings,
  type Port,
} from '@tessera/engine/target';
import { OnnxWriter, type OnnxLowering, type OnnxModel, type OnnxNode } from './builder.ts';
import { FUSED } from './fused.ts';
import { CONV } from './lower-conv.ts';
import { ELEMENTWISE } from './lower-elementwise.ts';
import { GATHER } from './lower-reduce.ts';
import { POOL } from './lower-pool.ts';
import { MATMUL, REDUCE } from './lower-reduce.ts';
import { SHAPE } from './lower-shape.ts';

const ONNX: Lowerings<OnnxLowering> = {
  language: 'onnx',
  title: 'ONNX',
  kernels: { ...ELEMENTWISE, ...SHAPE, ...REDUCE, ...MATMUL, ...CONV, ...POOL, ...GATHER },
  fused: FUSED,
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
  const writer = new OnnxWriter(convBlock);
  const edges = bindEdges(graph, writer);
  for (const node of graph.nodes) lowerNode(node, writer, ONNX);
  const outputs = nameOutputs(graph, writer);
  return { ...edges, ...prune(writer, outputs), outputs };
}

/** Whether ONNX has nodes for a fused op; see `GraphTarget.whole`. */
export function isLoweredWhole(fused: Fused): boolean {
  return fusedLowering(fused, ONNX) !== undefined;
}

/** A result that no node makes (an argument, a weight, a constant) is copied: ONNX outputs must come from nodes. */
function nameOutputs(graph: Graph, writer: OnnxWriter): Port[] {
  const made = new Set(writer.nodes.flatMap((node) => node.outputs));
  return graph.outputs.map((value) => {
    const name = writer.name(value);
    return { name: made.has(name) ? name : writer.op('Identity', [name]), dtype: value.dtype };
  });
}

/** Removes nodes and constants that are not used after transpositions have cancelled. */
function prune(writer: OnnxWriter, outputs: readonly Port[]) {
  const live = new Set(outputs.map((port) => port.name));
  const nodes: OnnxNode[] = [];
  for (const node of writer.nodes.toReversed()) {
    if (!node.outputs.some((name) => live.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) live.add(name);
  }
  const constants = new Map<string, LoweredConstant>([...writer.constants].filter(([name]) => live.has(name)));
  return { nodes: nodes.reverse(), constants };
}
