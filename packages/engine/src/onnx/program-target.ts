import type { ProgramTarget } from '../program/program-target.ts';
import type { TypedArray } from '../trace/graph.ts';
import { isLoweredWhole, lowerGraph } from './lower-graph.ts';
import type { OnnxModel } from './model.ts';
import { buildProgram } from './program.ts';
import { ortTensor } from './runtime.ts';

/** Programs on ONNX Runtime. */
export function onnxTarget(threads: number): ProgramTarget {
  return {
    whole: isLoweredWhole,
    lower: (graph) => lowerGraph(graph),
    async build(model: OnnxModel, options) {
      const program = await buildProgram(model, { ...options, threads });
      return {
        async run(feeds) {
          const results = await program.run(await Promise.all(feeds.map(ortTensor)));
          return results.map(({ data }) => data as TypedArray);
        },
        release: () => program.release(),
      };
    },
  };
}
