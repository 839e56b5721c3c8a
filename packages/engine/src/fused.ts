import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { setFusedLowering } from './onnx/fused-lowerings.ts';
import type { Lowering } from './onnx/lowering.ts';
import type { DType } from './trace/graph.ts';
import { isDifferentiating } from './trace/tfjs-internals.ts';
import { isWhole, recordFused } from './trace/trace.ts';

/** Tensors by name. Declare optional ones as `bias?: Tensor | undefined`: those left out are absent from the node. */
export type FusedInputs<I> = { readonly [K in keyof I]: Tensor | undefined };

/**
 * An op that a target may run in one piece. `forward` is plain tfjs: the meaning of the op, its eager form, and the
 * reference that tests compare with.
 */
export interface FusedSpec<I extends FusedInputs<I>, A extends object> {
  /** Unlike any tfjs kernel: `TesseraGelu`. */
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

/**
 * Makes a callable of a fused op. A node of it says which op it is; targets look their lowering up by that.
 * @throws TesseraError `fused-shape` from the call, if `shape` and `forward` disagree.
 */
export function defineFused<I extends FusedInputs<I>, A extends object>(spec: FusedSpec<I, A>): FusedOp<I, A> {
  if (spec.lower) setFusedLowering(spec, spec.lower);
  return (inputs, attrs) => {
    if (!isDifferentiating()) return run(spec, inputs, attrs);
    const isInParts = !spec.gradient || (!spec.lower && !isWhole(spec.name));
    if (isInParts) return spec.forward(inputs, attrs);
    return runWithGradient(spec, inputs, attrs);
  };
}

function run<I extends FusedInputs<I>, A extends object>(spec: FusedSpec<I, A>, inputs: I, attrs: A): Tensor {
  const shape = spec.shape(inputs, attrs);
  const { name, dtype = 'float32' } = spec;
  if (isWhole(name)) {
    return recordFused({
      name,
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
