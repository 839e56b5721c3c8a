import { KernelBackend } from '@tensorflow/tfjs';
import type { KernelConfig, Tensor, TensorInfo } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { einsumKernel } from './einsum.ts';
import {
  ARRAYS,
  Recorder,
  type DType,
  type Fused,
  type Graph,
  type TypedArray,
  type Value,
  type ValueSpec,
} from './graph.ts';
import { KERNELS, LIST_KERNELS } from './kernels.ts';
import { hasBackend, makeTensor, registerTracingBackend, withBackend } from './tfjs-internals.ts';

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
class TraceBackend extends KernelBackend {
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

function toTypedArray(values: unknown, { shape, dtype }: ValueSpec): TypedArray {
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (values === null || values === undefined) return new ARRAYS[dtype](size);
  return ARRAYS[dtype].from(values as ArrayLike<number>);
}

const BACKEND = 'tessera-trace';
const backend = new TraceBackend();

export interface TraceRequest {
  /** For errors. */
  readonly name: string;
  /** Shapes and types of the arguments: the graph's first inputs. */
  readonly inputs: readonly ValueSpec[];
  /** Tensors from outside that become inputs too, after `inputs`, instead of captured weights: trained variables. */
  readonly parameters?: readonly Tensor[];
  /** Fused ops that the target runs in one piece: by default all. Of the others the parts are recorded. */
  readonly whole?: (fused: Fused) => boolean;
}

/**
 * Runs `fn` on tensors without numbers and returns the graph of what it did. Gradients inside `fn` are recorded like
 * any other operation. The backend active before is active again afterwards, also if `fn` throws.
 * @throws TesseraError `read-while-tracing`, `random-while-tracing`, `kernel-not-traceable`, `dtype-not-traceable`
 */
export function trace(fn: (...inputs: Tensor[]) => readonly Tensor[], request: TraceRequest): Graph {
  register();
  const { name, inputs, parameters = [], whole = () => true } = request;
  const recorder = new Recorder();
  const values = new WeakMap<object, ReturnType<Recorder['input']>>();
  let graph: Graph | null = null;
  backend.during({ name, recorder, values, whole }, () =>
    withBackend(BACKEND, () =>
      withoutRandomness(name, () => {
        const placeholders = inputs.map((spec) => makeTensor(backend.hold(recorder.input(spec)), backend));
        for (const { dataId, shape, dtype } of parameters) {
          values.set(dataId, recorder.input({ shape, dtype: dtype as DType }));
        }
        const outputs = explainMissingKernels(name, () => fn(...placeholders));
        graph = recorder.finish(outputs.map((tensor) => backend.standsFor(tensor)));
      }),
    ),
  );
  return graph!;
}

/** True under a trace that records the fused op as one node. */
export function isWhole(fused: Fused): boolean {
  return backend.session?.whole(fused) ?? false;
}

interface FusedCall {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly fused: Fused;
}

/** Records one node for a fused op and returns its result. */
export function recordFused({ inputs, attrs, shape, dtype, fused }: FusedCall): Tensor {
  const values = Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, backend.standsFor(tensor)]));
  const outputs = [{ shape, dtype }];
  const node = { kernel: fused.name, inputs: values, attrs, outputs, fused };
  return makeTensor(backend.hold(backend.session!.recorder.node(node)[0]!), backend);
}

/** Every kernel but einsum, which is made of others, does the same: derive the results' shapes, write a node, hand out data ids. */
function register(): void {
  if (hasBackend(BACKEND)) return;
  const configs = Object.entries(KERNELS).map(([kernelName, infer]): KernelConfig => ({
    kernelName,
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const tensors = Object.entries(inputs).filter((entry): entry is [string, TensorInfo] => Boolean(entry[1]));
      const values = Object.fromEntries(tensors.map(([key, tensor]) => [key, backend.standsFor(tensor)]));
      const { outputs, attrs: normal } = infer(values, { ...attrs });
      const recorded = backend.session!.recorder.node({ kernel: kernelName, inputs: values, attrs: normal, outputs });
      const infos = recorded.map((value) => backend.hold(value));
      return LIST_KERNELS.has(kernelName) ? infos : infos[0]!;
    },
  }));
  registerTracingBackend(BACKEND, backend, [...configs, einsumKernel(BACKEND)]);
}

/** tfjs reports a kernel that a backend lacks with an error of its own. */
function explainMissingKernels<T>(name: string, fn: () => T): T {
  try {
    return fn();
  } catch (cause) {
    const kernel =
      cause instanceof Error ? /^Kernel '(\w+)' not registered for backend/.exec(cause.message)?.[1] : null;
    if (!kernel) throw cause;
    throw new TesseraError({
      code: 'kernel-not-traceable',
      who: name,
      got: `the tfjs kernel ${kernel}`,
      expected: 'a kernel that can be compiled',
      next: 'Write the function with other operations, or run it with the target eager.',
      cause,
    });
  }
}

/** Random numbers drawn while tracing would become constants; tfjs draws its seeds from `Math.random`. */
function withoutRandomness<T>(name: string, fn: () => T): T {
  const random = Math.random;
  Math.random = () => {
    throw new TesseraError({
      code: 'random-while-tracing',
      who: name,
      got: 'random numbers drawn while tracing, which every later call would repeat',
      expected: 'a function of its arguments',
      next: 'Pass the numbers in as a tensor, or draw them from the rng of a training step.',
    });
  };
  try {
    return fn();
  } finally {
    Math.random = random;
  }
}
