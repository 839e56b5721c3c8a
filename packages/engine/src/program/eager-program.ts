import * as tf from '@tensorflow/tfjs';
import type { Program, Tree } from '../engine.ts';
import { withBackend } from '../trace/tfjs-internals.ts';
import { flatten, unflatten, type Skeleton } from './tree.ts';

/** The function itself on a backend of tfjs: on `cpu`, the reference for compiled programs. */
export function eagerProgram<A extends readonly Tree[], R extends Tree>(
  fn: (...args: A) => R,
  name: string,
  backend: () => string,
): Program<A, R> {
  const call = async (...args: A): Promise<R> => {
    flatten(args, name);
    let skeleton: Skeleton = null;
    const results = withBackend(backend(), () => {
      const flat = flatten(fn(...args), name);
      skeleton = flat.skeleton;
      // A result may be an argument or a weight: the caller disposes results, so it gets tensors of its own.
      return flat.tensors.map((tensor) => tf.clone(tensor));
    });
    return unflatten(skeleton, results) as R;
  };
  return Object.assign(call, { dispose: () => undefined });
}
