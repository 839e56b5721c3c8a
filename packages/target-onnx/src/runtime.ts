import type { Device, Numbers } from '@tessera/engine/target';
import { modelProto, ortNumbers as wrapNumbers, type OrtNumbers } from '@tessera/onnx-graph';

type Runtime = typeof import('onnxruntime-node');

let loading: Promise<Runtime> | null = null;

/** Loads ONNX Runtime when the first program needs it. Its telemetry must be switched off before that. */
export function loadRuntime(): Promise<Runtime> {
  loading ??= importQuietly();
  return loading;
}

async function importQuietly(): Promise<Runtime> {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const module = await import('onnxruntime-node');
  return 'default' in module ? (module.default as Runtime) : module;
}

/** ONNX Runtime on the CPU, whose numbers lie in memory: reading them copies nothing. */
export const CPU: Device = { name: 'ONNX Runtime on the CPU', inMemory: true };

/** Wraps numbers for a run, without a copy. */
export async function ortNumbers(numbers: Numbers): Promise<OrtNumbers> {
  const { Tensor } = await loadRuntime();
  return wrapNumbers(numbers, { Tensor, device: CPU });
}

let probing: Promise<number | null> | null = null;

/**
 * Channels per block in ONNX Runtime's own layout for convolutions: 8 with AVX2, 16 with AVX-512. Null where this
 * processor has none. Measured: one pixel of four channels comes back as one block.
 */
export function convBlock(): Promise<number | null> {
  probing ??= probe();
  return probing;
}

async function probe(): Promise<number | null> {
  const { InferenceSession, Tensor } = await loadRuntime();
  const port = (name: string) => ({ name, dtype: 'float32' as const });
  const nodes = [{ op: 'ReorderInput', inputs: ['x'], outputs: ['y'], attrs: {}, domain: 'com.microsoft.nchwc' }];
  const inputs = [{ ...port('x'), dims: [1, 4, 1, 1] }];
  try {
    const bytes = modelProto({ nodes, initializers: [], inputs, outputs: [port('y')] });
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
    const { y } = await session.run({ x: new Tensor('float32', new Float32Array(4), [1, 4, 1, 1]) });
    await session.release();
    const block = y!.dims[1]!;
    return block > 1 ? block : null;
  } catch {
    return null; // a build without these operators
  }
}
