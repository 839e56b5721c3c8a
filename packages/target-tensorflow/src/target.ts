import { graphTarget, type Graph, type Target } from '@tessera/engine/target';
import type { TfModel } from './builder.ts';
import { OWN_OPS } from './fused.ts';
import { isLoweredWhole, lowerGraph, lowerInParts } from './lower-graph.ts';
import { buildTfProgram, WeightStore } from './program.ts';
import { deviceOf, loadTensorFlow, tfNumbers } from './runtime.ts';

/** What XLA compiles: by itself (`auto`) the parts of training steps between products; otherwise everything or nothing. */
export type XlaUse = 'auto' | 'always' | 'never';

export interface TensorFlowTargetOptions {
  readonly threads: number;
  readonly xla: XlaUse;
}

/**
 * Programs on TensorFlow, which is loaded.
 * @throws TesseraError `tensorflow-missing`, `tensorflow-broken`
 */
export function tensorFlowTarget({ threads, xla }: TensorFlowTargetOptions): Target {
  const binding = loadTensorFlow(threads);
  const [programWeights, stepWeights] = [new WeightStore(binding), new WeightStore(binding)];
  const hasOwnOps = xla !== 'always' && deviceOf(binding).inMemory;
  const isXla = xla === 'always';
  return graphTarget({
    name: 'tensorflow',
    device: deviceOf(binding),
    whole: (fused) => isLoweredWhole(fused, hasOwnOps),
    lower: lowerGraph,
    // In parts, XLA would compile for seconds at each new shape, in the middle of serving.
    build: async (model, { name }) =>
      buildTfProgram(binding, model as TfModel, { name, xla: isXla, weights: programWeights, compiles: 'by form' }),
    upload: async (numbers) => tfNumbers(binding, numbers),
    training: {
      whole: (fused) => isLoweredWhole(fused, hasOwnOps),
      build: async (graph, name) => {
        const model = xla === 'auto' && isWorthCompiling(graph) ? lowerInParts(graph) : lowerGraph(graph);
        return buildTfProgram(binding, model, { name, xla: isXla, weights: stepWeights, compiles: 'once' });
      },
      writesInto: false,
    },
  });
}

/** Measured: a step that contains our own ops is as fast or faster without XLA. */
function isWorthCompiling({ nodes }: Graph): boolean {
  return !nodes.some(({ fused }) => fused && OWN_OPS.has(fused));
}
