import type { KernelConfig, Tensor, TensorInfo } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { DType, Fused, Graph } from './graph.ts';
import { KERNELS, LIST_KERNELS } from './kernels.ts';
import { Recorder, type ValueSpec } from './recorder.ts';
import { hasBackend, makeTensor, registerTracingBackend, withBackend } from './tfjs-internals.ts';
import { TraceBackend } from './trace-backend.ts';

const BACKEND = 'tessera-trace';
const backend = new TraceBackend();

export interface TraceRequest {
  /** For errors. */
  readonly name: string;
  /** Shapes and types of the arguments: the graph's first inputs. */
  readonly inputs: readonly ValueSpec[];
  /** Tensors of the outside that become inputs too, after `inputs`, instead of captured weights: trained variables. */
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

/** True under a trace that wants the fused op as one node. */
export function isWhole(fused: Fused): boolean {
  return backend.session?.whole(fused) ?? false;
}

export interface FusedCall {
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

/** Every kernel does the same here: derive the results' shapes, write a node, hand out data ids. */
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
  registerTracingBackend(BACKEND, backend, configs);
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

/** Random numbers drawn while tracing would be baked in; tfjs draws its seeds from `Math.random`. */
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
