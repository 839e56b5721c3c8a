import { KernelBackend } from '@tensorflow/tfjs';
import type { TensorInfo } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { DType, Fused, TypedArray, Value } from './graph.ts';
import type { Recorder, ValueSpec } from './recorder.ts';

/** The recorder of the trace in progress, and the function's name for errors. */
interface Session {
  readonly name: string;
  readonly recorder: Recorder;
  /** Which value a data id stands for; captured tensors enter on first use. */
  readonly values: WeakMap<object, Value>;
  /** Whether a fused op is recorded as one node. */
  readonly whole: (fused: Fused) => boolean;
}

/** A tfjs backend without numbers: its data ids stand for values of the graph that is being recorded. */
export class TraceBackend extends KernelBackend {
  #session: Session | null = null;

  get session(): Session | null {
    return this.#session;
  }

  /** Records into `session` while `fn` runs; traces nest. */
  during<T>(session: Session, fn: () => T): T {
    const outer = this.#session;
    this.#session = session;
    try {
      return fn();
    } finally {
      this.#session = outer;
    }
  }

  /** The value that a tensor stands for; a tensor of another backend is captured. */
  standsFor(tensor: TensorInfo): Value {
    const session = this.#session!;
    return session.values.get(tensor.dataId) ?? session.recorder.capture(tensor);
  }

  /** A data id for a value. */
  hold(value: Value): TensorInfo {
    const dataId = {};
    this.#session!.values.set(dataId, value);
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  override write(values: unknown, shape: number[], dtype: string): object {
    const spec: ValueSpec = { shape, dtype: this.checkDtype(dtype) };
    return this.hold(this.#session!.recorder.constant(toTypedArray(values, spec), spec)).dataId;
  }

  checkDtype(dtype: string): DType {
    if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
    throw new TesseraError({
      code: 'dtype-not-traceable',
      who: this.#session?.name ?? 'trace',
      got: `a tensor of ${dtype}`,
      expected: 'float32, int32 or bool',
    });
  }

  override readSync(): never {
    throw new TesseraError({
      code: 'read-while-tracing',
      who: this.#session?.name ?? 'trace',
      got: 'a read of a tensor whose numbers do not exist yet (dataSync, arraySync, print, or a branch on values)',
      expected: 'tensor operations only',
      next: 'Return the tensor and read it outside of the compiled function.',
    });
  }

  override read(): never {
    return this.readSync();
  }

  override move(): void {
    this.readSync();
  }

  override disposeData(): boolean {
    return true;
  }

  override numDataIds(): number {
    return 0;
  }

  override refCount(): number {
    return 1;
  }

  override incRef(): void {
    // Data ids of a trace are never shared between tensors: there is nothing to count.
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override dispose(): void {
    this.#session = null;
  }
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

function toTypedArray(values: unknown, { shape, dtype }: ValueSpec): TypedArray {
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (values === null || values === undefined) return new ARRAYS[dtype](size);
  return ARRAYS[dtype].from(values as ArrayLike<number>);
}
