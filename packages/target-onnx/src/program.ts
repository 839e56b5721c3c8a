import { TesseraError } from '@tessera/errors';
import type { BuiltProgram, DeviceNumbers, Port } from '@tessera/engine/target';
import { modelProto, type OnnxModel, type TensorData } from '@tessera/onnx-graph';
import { loadRuntime, OrtNumbers, type OrtSession, type OrtTensor } from './runtime.ts';
import { bytesOf, packWeights, type Packing } from './weights.ts';

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
  const weights = packWeights(model, options);
  const bytes = modelProto({
    ...model,
    initializers: [...constantsOf(model), ...weights.initializers],
    outputs: once(model.outputs),
  });
  const sessionOptions = {
    intraOpNumThreads: threads,
    enableCpuMemArena: memory !== 'release',
    logSeverityLevel: 3 as const,
    externalData: weights.memory,
    extra: {
      session: {
        // Spinning threads starve each other where cores are shared.
        intra_op: { allow_spinning: '0' },
        model_external_initializers_file_folder_path: weights.root,
      },
    },
  };
  const session = await explain(name, 'program-rejected', () => InferenceSession.create(bytes, sessionOptions));
  return {
    run: (feeds, into = []) => runSession(session, { model, feeds, into, name }),
    release: () => session.release(),
  };
}

interface Run {
  readonly model: OnnxModel;
  readonly name: string;
  readonly feeds: readonly DeviceNumbers[];
  readonly into: readonly (DeviceNumbers | null)[];
}

/** Results with numbers in `into` are written to their memory, without an allocation. */
async function runSession(session: OrtSession, { model, name, feeds, into }: Run): Promise<readonly DeviceNumbers[]> {
  const named = Object.fromEntries(model.inputs.map((port, i) => [port.name, tensorOf(feeds[i]!)]));
  const wanted = Object.fromEntries(model.outputs.map((port, i) => [port.name, into[i] ? tensorOf(into[i]) : null]));
  const results = await explain(name, 'program-failed', () => session.run(named, wanted));
  return model.outputs.map((port, i) => into[i] ?? new OrtNumbers(results[port.name]!));
}

function tensorOf(numbers: DeviceNumbers): OrtTensor {
  return (numbers as OrtNumbers).tensor;
}

function constantsOf(model: OnnxModel): TensorData[] {
  return [...model.constants.values()].map(({ name, dtype, dims, data }) => ({
    name,
    dtype,
    dims,
    data: bytesOf(data),
  }));
}

function once(ports: readonly Port[]): Port[] {
  return [...new Map(ports.map((port) => [port.name, port])).values()];
}

async function explain<T>(who: string, code: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]!.slice(0, 300) : String(cause);
    throw new TesseraError({
      code,
      who,
      got: `an error of ONNX Runtime: ${reason}`,
      expected: 'a program that it runs',
      next: 'Run the function with the target eager to see whether it is sound.',
      cause,
    });
  }
}
