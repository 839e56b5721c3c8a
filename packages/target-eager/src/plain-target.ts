import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import {
  flatten,
  ParameterStore,
  unflatten,
  withBackend,
  type Skeleton,
  type Target,
  type TargetFunction,
  type TargetProgram,
} from '@tessera/engine/target';
import { PlainStep } from './plain-step.ts';

export interface PlainTargetOptions {
  readonly name: string;
  /** Makes sure that the backend of tfjs is there, and gives its name. */
  readonly backend: () => string;
}

/** Functions run as they are on a backend of tfjs, op by op: nothing is traced or compiled. */
export function plainTarget({ name, backend }: PlainTargetOptions): Target {
  const store = new ParameterStore<Tensor>();
  return {
    name,
    inMemory: true,
    program: (fn) => plainProgram(fn, backend),
    step: (spec) => new PlainStep(spec, store, backend),
  };
}

/** Plain tfjs on its backend `cpu`: the reference for all other targets. */
export function eagerTarget(): Target {
  return plainTarget({ name: 'eager', backend: () => 'cpu' });
}

function plainProgram({ fn, name }: TargetFunction, backend: () => string): TargetProgram {
  return {
    async call(args) {
      flatten(args, name);
      let skeleton: Skeleton = null;
      const results = withBackend(backend(), () => {
        const flat = flatten(fn(args), name);
        skeleton = flat.skeleton;
        // A result may be an argument or a weight: the caller disposes results, so it gets tensors of its own.
        return flat.tensors.map((tensor) => tf.clone(tensor));
      });
      return unflatten(skeleton, results);
    },
    profile: () => null,
    dispose: () => undefined,
  };
}
