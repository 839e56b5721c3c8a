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

let measuring: Promise<boolean> | null = null;

/**
 * Whether sums of two products of an unsigned and a signed byte saturate at 16 bits: on AVX2 without VNNI. Measured, with
 * the largest numbers there are: ONNX Runtime's own test is also true on some processors where they do not.
 */
export function saturates(): Promise<boolean> {
  measuring ??= measureSums();
  return measuring;
}

async function measureSums(): Promise<boolean> {
  const { InferenceSession, Tensor } = await loadRuntime();
  const size = 64;
  const port = (name: string) => ({ name, dtype: 'float32' as const });
  const data = new Uint8Array(size * size).fill(127);
  const weight = { name: 'w', dtype: 'int8' as const, dims: [size, size], data };
  const one = { ...port('one'), dims: [], data: new Uint8Array(Float32Array.of(1).buffer) };
  const cast = { op: 'Cast', inputs: ['x'], outputs: ['codes'], attrs: { to: 2 } }; // UINT8
  const factors = ['codes', 'w', 'one', 'one'];
  const product = { op: 'MatMulIntegerToFloat', inputs: factors, outputs: ['y'], attrs: {}, domain: 'com.microsoft' };
  const inputs = [{ ...port('x'), dims: [1, size] }];
  const model = { nodes: [cast, product], initializers: [weight, one], inputs, outputs: [port('y')] };
  const session = await InferenceSession.create(modelProto(model), { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new Tensor('float32', new Float32Array(size).fill(255), [1, size]) });
  await session.release();
  return (y!.data as Float32Array).some((sum) => sum !== 255 * 127 * size);
}
