import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import type { Tree } from '../engine.ts';
import type { LoweredModel } from '../lowered-model.ts';
import type { ValueSpec } from '../trace/recorder.ts';
import { trace } from '../trace/trace.ts';
import type { ProgramTarget } from './program-target.ts';
import { flatten, unflatten, type Skeleton } from './tree.ts';

export interface TracedFunction {
  readonly name: string;
  readonly fn: (args: readonly Tree[]) => Tree;
  readonly target: ProgramTarget;
}

/** One function traced and lowered at given shapes. */
export interface TracedProgram {
  readonly model: LoweredModel;
  readonly results: { readonly skeleton: Skeleton; readonly specs: readonly ValueSpec[] };
  readonly captured: readonly { readonly tensor: TensorInfo; readonly dataId: object }[];
}

/** Traces `fn` on arguments of this form and these shapes. */
export function traceProgram(
  { fn, name, target }: TracedFunction,
  form: Skeleton,
  inputs: readonly ValueSpec[],
): TracedProgram {
  let skeleton: Skeleton = null;
  const run = (...tensors: Tensor[]) => {
    const flat = flatten(fn(unflatten(form, tensors) as readonly Tree[]), name);
    skeleton = flat.skeleton;
    return flat.tensors;
  };
  const graph = trace(run, { name, inputs, ...(target.whole && { whole: target.whole }) });
  const specs = graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  return { model: target.lower(graph), results: { skeleton, specs }, captured: graph.captured };
}
