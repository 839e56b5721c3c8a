import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import type { Lowering } from './onnx/lowering.ts';
import type { DType } from './trace/graph.ts';
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
   * ONNX nodes for it: `node.inputs` by the names above, `node.attrs` as given to the call. Without, a target that does not
   * run the op whole gets its parts, and differentiates through them.
   */
  readonly lower?: Lowering;
}

export interface FusedGradientContext<I, A> {
  readonly dy: Tensor;
  readonly inputs: I;
  /** The result of the forward call. */
  readonly y: Tensor;
  readonly attrs: A;
}

/** Calls the op: one node under a trace whose target knows the op, `forward` otherwise. Differentiable in both. */
export type FusedOp<I, A> = (inputs: I, attrs: A) => Tensor;

/** What our own ops are called, which targets may know by name. */
const OWN = 'Tessera';

/**
 * Makes a callable of a fused op, whose nodes carry it. Others may have an op of the same name: each stays itself.
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
  return (inputs, attrs) => {
    if (!isDifferentiating()) return run(spec, inputs, attrs);
    const isInParts = !spec.gradient || (!spec.lower && !isWhole(spec));
    if (isInParts) return spec.forward(inputs, attrs);
    return runWithGradient(spec, inputs, attrs);
  };
}

function run<I extends FusedInputs<I>, A extends object>(spec: FusedSpec<I, A>, inputs: I, attrs: A): Tensor {
  const shape = spec.shape(inputs, attrs);
  const { name, dtype = 'float32' } = spec;
  if (isWhole(spec)) {
    return recordFused({
      inputs: given(inputs),
      attrs: { ...(attrs as Readonly<Record<string, unknown>>) },
      shape,
      dtype,
      fused: spec,
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
  spec: FusedSpec<I, A>,
  inputs: I,
  attrs: A,
): Tensor {
  const names = Object.keys(given(inputs));
  const named = (tensors: readonly Tensor[]) => Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) as I;
  const op = tf.customGrad((...parameters) => {
    const tensors = parameters.slice(0, -1) as Tensor[];
    const save = parameters.at(-1) as tf.GradSaveFunc;
    const value = run(spec, named(tensors), attrs);
    save([...tensors, value]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const context = { dy, inputs: named(saved), y: saved.at(-1)!, attrs };
      const gradients = spec.gradient!(context) as Readonly<Record<string, (() => Tensor) | undefined>>;
      return names.map((name, i) => gradients[name]?.() ?? tf.zerosLike(saved[i]!));
    };
    return { value, gradFunc };
  });
  return op(...Object.values(given(inputs)));
}
