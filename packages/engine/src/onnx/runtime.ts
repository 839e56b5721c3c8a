import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Numbers } from '../numbers.ts';

/** A tensor of ONNX Runtime. */
export type OrtTensor = Tensor;
export type OrtSession = InferenceSession;

type Runtime = typeof import('onnxruntime-node');

let loading: Promise<Runtime> | null = null;

/** Loads ONNX Runtime when the first program needs it. Its telemetry is on unless the environment says no before that. */
export function loadRuntime(): Promise<Runtime> {
  loading ??= importQuietly();
  return loading;
}

async function importQuietly(): Promise<Runtime> {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const module = await import('onnxruntime-node');
  return 'default' in module ? (module.default as Runtime) : module;
}

/** Wraps numbers for a run, without a copy. */
export async function ortTensor({ data, dtype, shape }: Numbers): Promise<OrtTensor> {
  const { Tensor: OrtTensorClass } = await loadRuntime();
  return new OrtTensorClass(dtype, data as Float32Array, shape);
}
