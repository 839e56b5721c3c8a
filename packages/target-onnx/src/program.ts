import type { BuiltProgram } from '@tessera/engine/target';
import { sessionProgram, type OnnxModel } from '@tessera/onnx-graph';
import { CPU, loadRuntime } from './runtime.ts';
import { packWeights, type Packing } from './weights.ts';

export interface ProgramOptions extends Packing {
  readonly threads: number;
  /** Whether a run's memory stays with the session (by default) or is given back. */
  readonly memory?: 'keep' | 'release' | undefined;
}

/**
 * Makes a session. Weights in files stay there and are mapped; numbers in memory are copied by the session.
 * @throws TesseraError `program-rejected` if ONNX Runtime does not take the model.
 */
export async function buildProgram(model: OnnxModel, options: ProgramOptions): Promise<BuiltProgram> {
  const { name, threads, memory } = options;
  const { InferenceSession } = await loadRuntime();
  const { initializers, root, memory: externalData } = packWeights(model, options);
  const sessionOptions = {
    intraOpNumThreads: threads,
    enableCpuMemArena: memory !== 'release',
    logSeverityLevel: 3 as const,
    externalData,
    extra: {
      session: {
        // Spinning threads starve each other where cores are shared.
        intra_op: { allow_spinning: '0' },
        model_external_initializers_file_folder_path: root,
      },
    },
  };
  const open = (bytes: Uint8Array) => InferenceSession.create(bytes, sessionOptions);
  return sessionProgram({ name, model, weights: initializers, device: CPU, open });
}
