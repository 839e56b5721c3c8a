import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import type { Tree } from '../engine.ts';
import { lowerGraph } from '../onnx/lower-graph.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { ValueSpec } from '../trace/recorder.ts';
import { trace } from '../trace/trace.ts';
import { flatten, unflatten, type Skeleton } from './tree.ts';

export interface TracedFunction {
  readonly name: string;
  readonly fn: (args: readonly Tree[]) => Tree;
}

/** One function traced and lowered at given shapes. */
export interface TracedProgram {
  readonly model: OnnxModel;
  readonly results: { readonly skeleton: Skeleton; readonly specs: readonly ValueSpec[] };
  readonly captured: readonly { readonly tensor: TensorInfo; readonly dataId: object }[];
}

/** Traces `fn` on arguments of this form and these shapes. */
export function traceProgram(
  { fn, name }: TracedFunction,
  form: Skeleton,
  inputs: readonly ValueSpec[],
): TracedProgram {
  let skeleton: Skeleton = null;
  const run = (...tensors: Tensor[]) => {
    const flat = flatten(fn(unflatten(form, tensors) as readonly Tree[]), name);
    skeleton = flat.skeleton;
    return flat.tensors;
  };
  const graph = trace(run, { name, inputs });
  const specs = graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  return { model: lowerGraph(graph), results: { skeleton, specs }, captured: graph.captured };
}
