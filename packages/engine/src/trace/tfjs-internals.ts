import * as tf from '@tensorflow/tfjs';
import type { DataType, KernelBackend, KernelConfig, Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { TypedArray } from './graph.ts';

/*
 * The parts of tfjs 4.22 that its public API does not promise. No other file may touch them.
 */

/** The backend that holds the numbers of a data id. */
export function backendOf(dataId: object, who: string): KernelBackend {
  const info = tf.engine().state.tensorInfo.get(dataId);
  if (info) return info.backend;
  throw new TesseraError({
    code: 'tensor-disposed',
    who,
    got: 'a tensor that has been disposed',
    expected: 'a live tensor',
    next: 'Keep weights and arguments until the program has run.',
  });
}

/** The numbers of a tensor, without a copy where its backend keeps them in memory. */
export function readNumbers(dataId: object, who: string): TypedArray {
  return backendOf(dataId, who).readSync(dataId) as TypedArray;
}

interface TensorOf {
  readonly dataId: object;
  readonly shape: readonly number[];
  readonly dtype: DataType;
}

/** A tfjs tensor whose numbers `backend` holds under `dataId`. */
export function makeTensor({ dataId, shape, dtype }: TensorOf, backend: KernelBackend): Tensor {
  return tf.engine().makeTensorFromDataId(dataId, [...shape], dtype, backend);
}

/** True where tfjs would record an op for differentiation. */
export function isDifferentiating(): boolean {
  return tf.engine().isTapeOn();
}

export function hasBackend(name: string): boolean {
  return tf.findBackend(name) !== null;
}

/**
 * Runs `fn` with backend `name` active in a scope of its own, which disposes every tensor but those returned.
 * The backend active before is active again afterwards, also after an error.
 */
export function withBackend<T extends tf.TensorContainer>(name: string, fn: () => T): T {
  const engine = tf.engine();
  const before = activeBackendName();
  activate(name);
  try {
    return engine.tidy(fn);
  } finally {
    activate(before);
  }
}

function activeBackendName(): string {
  const engine = tf.engine();
  if (!engine.backendName) void engine.backend; // the getter chooses the default backend
  return engine.backendName;
}

/** For backends whose factory is synchronous, tfjs switches before it returns its promise. */
function activate(name: string): void {
  if (tf.engine().backendName !== name) void tf.setBackend(name);
}

/** Makes `backend` selectable by name, with these kernels. Priority 0: never a default. */
export function registerTracingBackend(name: string, backend: KernelBackend, kernels: readonly KernelConfig[]): void {
  tf.registerBackend(name, () => backend, 0);
  for (const kernel of kernels) tf.registerKernel(kernel);
}
