import { graphTarget, type GraphTarget, type Target } from '@tessera/engine/target';
import { isLoweredWhole, lowerGraph, type OnnxModel } from '@tessera/onnx-graph';
import { buildProgram } from './program.ts';
import { convBlock, CPU, ortNumbers } from './runtime.ts';

export interface OnnxTargetOptions {
  /** Threads of one operation. */
  readonly threads: number;
}

/** Programs on ONNX Runtime in Node. */
export function onnxTarget(options: OnnxTargetOptions): Target {
  return graphTarget(onnxGraphs(options));
}

export function onnxGraphs({ threads }: OnnxTargetOptions): GraphTarget {
  return {
    name: 'onnx',
    device: CPU,
    whole: isLoweredWhole,
    lower: (graph) => lowerGraph(graph),
    build: (model, options) => buildProgram(model as OnnxModel, { ...options, threads }),
    upload: ortNumbers,
    training: {
      whole: isLoweredWhole,
      // Filters change from step to step, and so convolutions are written in the runtime's own layout.
      build: async (graph, name) =>
        buildProgram(lowerGraph(graph, { convBlock: await convBlock() }), { name, threads }),
      writesInto: true,
    },
  };
}
