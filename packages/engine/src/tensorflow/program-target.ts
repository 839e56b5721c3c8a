import type { Numbers } from '../numbers.ts';
import type { BuiltProgram, ProgramTarget } from '../program/program-target.ts';
import type { TensorFlowBinding } from './binding.ts';
import { isLoweredWhole, lowerGraph, type TfModel } from './lower-graph.ts';
import { buildTfProgram } from './program.ts';
import { createTensor, loadTensorFlow } from './runtime.ts';
import { WeightStore } from './weight-store.ts';

/** What XLA compiles: by itself (`auto`) the parts of training steps between products, else everything or nothing. */
export type XlaUse = 'auto' | 'always' | 'never';

export interface TensorFlowOptions {
  readonly threads: number;
  readonly xla: XlaUse;
}

/** Programs on TensorFlow. */
export function tensorFlowTarget({ threads, xla }: TensorFlowOptions): ProgramTarget {
  let weights: WeightStore | null = null;
  return {
    whole: (fused) => isLoweredWhole(fused, hasOwnOps({ threads, xla })),
    lower: (graph) => lowerGraph(graph),
    async build(model: TfModel, { name }) {
      const binding = loadTensorFlow(threads);
      weights ??= new WeightStore(binding);
      // It would compile for seconds at each new shape, in the middle of serving.
      return built({ binding, model, weights, name, isXla: xla === 'always' });
    },
  };
}

/** Whether programs may use our own ops. Loads TensorFlow. */
export function hasOwnOps({ threads, xla }: TensorFlowOptions): boolean {
  return xla !== 'always' && !loadTensorFlow(threads).isUsingGpuDevice();
}

interface Build {
  readonly binding: TensorFlowBinding;
  readonly model: TfModel;
  readonly weights: WeightStore;
  readonly name: string;
  readonly isXla: boolean;
}

function built({ binding, model, weights, name, isXla }: Build): BuiltProgram {
  const program = buildTfProgram(binding, model, { name, xla: isXla, weights });
  const compiled = new Set<string>();
  return {
    async run(feeds) {
      const inputs = feeds.map((feed) => createTensor(binding, feed));
      try {
        const outputs = program.run(inputs);
        compiled.add(shapesOf(feeds));
        const numbers = outputs.map((id) => binding.tensorDataSync(id));
        for (const id of outputs) binding.deleteTensor(id);
        return numbers;
      } finally {
        for (const id of inputs) binding.deleteTensor(id);
      }
    },
    compilesFor: (feeds) => isXla && !compiled.has(shapesOf(feeds)),
    release: async () => program.release(),
  };
}

/** What XLA's programs depend on: shapes, and the numbers of slots, which are small. */
function shapesOf(feeds: readonly Numbers[]): string {
  return feeds
    .map(({ shape, data, dtype }) => `${shape}${dtype === 'int32' && data.length < 9 ? `=${data}` : ''}`)
    .join(';');
}
