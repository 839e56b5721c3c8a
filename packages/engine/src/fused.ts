import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { DType, Fused } from './trace/graph.ts';
import { isDifferentiating } from './trace/tfjs-internals.ts';
import { KERNELS } from './trace/kernels.ts';
import { isWhole, recordFused } from './trace/trace.ts';

/** Tensors by name. Declare optional ones as `bias?: Tensor | undefined`: those left out are absent from the node. */
export type FusedInputs<I> = { readonly [K in keyof I]: Tensor | undefined };

/**
 * An op that a target may run in one piece. `forward` is plain tfjs: the meaning of the op, its eager form, and the
 * reference that tests compare with.
 */
export interface FusedSpec<I extends FusedInputs<I>, A extends object> {
  /** Unlike any tfjs kernel, and without our own `Tessera` before it: `AcmeGelu`. */
  readonly name: string;
  readonly forward: (inputs: I, attrs: A) => Tensor;
  /**
   * Gradients by input name, in plain tfjs; an input without an entry gets zeros. An op without `gradient` is
   * differentiated through `forward` instead.
   */
  readonly gradient?: (context: FusedGradientContext<I, A>) => { readonly [K in keyof I]?: () => Tensor };
  readonly shape: (inputs: I, attrs: A) => readonly number[];
  /** Element type of the result: float32 where left out. */
  readonly dtype?: DType;
  /**
   * Nodes for it, by the language of graphs: `{ onnx: lowering }` with an `OnnxLowering` of @tessera/onnx-graph, which finds
   * `node.inputs` by the names above and `node.attrs` as given to the call. A target without a lowering gets the parts.
   */
  readonly lowerings?: Readonly<Record<string, unknown>>;
}

export interface FusedGradientContext<I, A> {
  readonly dy: Tensor;
  readonly inputs: I;
  /** The result of the forward call. */
  readonly y: Tensor;
  readonly attrs: A;
}

/** Calls the op: one node under a trace whose target runs the op whole, `forward` otherwise. Differentiable in both. */
export type FusedOp<I, A> = ((inputs: I, attrs: A) => Tensor) & Fused;

/** What our own ops are called. */
const OWN = 'Tessera';

/**
 * Makes a callable of a fused op. Its nodes refer to it, and targets look up their lowering by it, so ops of different
 * packages with the same name stay distinct.
 * @throws TesseraError `fused-name` for a name that is taken; `fused-shape` from the call, if `shape` and `forward` disagree.
 */
export function defineFused<I extends FusedInputs<I>, A extends object>(spec: FusedSpec<I, A>): FusedOp<I, A> {
  const { name } = spec;
  if (!name.startsWith(OWN) && !Object.hasOwn(KERNELS, name)) return defineOwnFused(spec);
  throw new TesseraError({
    code: 'fused-name',
    who: 'defineFused',
    got: `the name ${name}`,
    expected: `one that is no kernel of tfjs and does not begin with ${OWN}`,
    next: 'Begin it with the name of your package.',
  });
}

/** The same for our own ops. */
export function defineOwnFused<I extends FusedInputs<I>, A extends object>(spec: FusedSpec<I, A>): FusedOp<I, A> {
  const call = (inputs: I, attrs: A): Tensor => {
    if (!isDifferentiating()) return run({ spec, op }, inputs, attrs);
    return spec.gradient ? runWithGradient({ spec, op }, inputs, attrs) : spec.forward(inputs, attrs);
  };
  const op = Object.assign(call, spec.lowerings && { lowerings: spec.lowerings }) as FusedOp<I, A>;
  Object.defineProperty(op, 'name', { value: spec.name });
  return op;
}

interface Defined<I extends FusedInputs<I>, A extends object> {
  readonly spec: FusedSpec<I, A>;
  readonly op: Fused;
}

function run<I extends FusedInputs<I>, A extends object>({ spec, op }: Defined<I, A>, inputs: I, attrs: A): Tensor {
  const shape = spec.shape(inputs, attrs);
  const { name, dtype = 'float32' } = spec;
  if (isWhole(op)) {
    return recordFused({
      inputs: given(inputs),
      attrs: { ...(attrs as Readonly<Record<string, unknown>>) },
      shape,
      dtype,
      fused: op,
    });
  }
  const y = tf.tidy(() => spec.forward(inputs, attrs));
  if (y.shape.join() === shape.join()) return y;
  throw new TesseraError({
    code: 'fused-shape',
    who: name,
    got: `[${y.shape}] from forward`,
    expected: `[${shape}] as shape() says`,
  });
}

/** The names and tensors of the inputs that are there, in the order of the call. */
function given<I extends FusedInputs<I>>(inputs: I): Record<string, Tensor> {
  const entries = Object.entries<Tensor | undefined>(inputs);
  return Object.fromEntries(entries.filter((entry): entry is [string, Tensor] => entry[1] !== undefined));
}

function runWithGradient<I extends FusedInputs<I>, A extends object>(
  defined: Defined<I, A>,
  inputs: I,
  attrs: A,
): Tensor {
  const names = Object.keys(given(inputs));
  const named = (tensors: readonly Tensor[]) => Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) as I;
  const differentiable = tf.customGrad((...parameters) => {
    const tensors = parameters.slice(0, -1) as Tensor[];
    const save = parameters.at(-1) as tf.GradSaveFunc;
    const value = run(defined, named(tensors), attrs);
    save([...tensors, value]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      // A saved result is not on the tape: a gradient that is differentiated itself needs one that is.
      const y = isDifferentiating() ? defined.spec.forward(named(saved), attrs) : saved.at(-1)!;
      const context = { dy, inputs: named(saved), y, attrs };
      const gradients = defined.spec.gradient!(context) as Readonly<Record<string, (() => Tensor) | undefined>>;
      return names.map((name, i) => gradients[name]?.() ?? tf.zerosLike(saved[i]!));
    };
    return { value, gradFunc };
  });
  return differentiable(...Object.values(given(inputs)));
}
