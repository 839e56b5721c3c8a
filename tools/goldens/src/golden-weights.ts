import * as tf from '@tensorflow/tfjs';
import type { ParamSpec, Weights } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { Golden } from './golden.ts';

/** Recorded weights that remember, in order and under the model's names, what was asked for and how. */
export interface GoldenWeights extends Weights {
  readonly taken: ReadonlyMap<string, { readonly spec: ParamSpec; readonly tensor: tf.Tensor }>;
  /** Disposes every tensor given out. */
  dispose(): void;
}

/** `rename` turns the model's names into the file's. @throws TesseraError `golden-shape` when shapes differ */
export function goldenWeights(golden: Golden, rename = (name: string): string => name): GoldenWeights {
  const taken = new Map<string, { spec: ParamSpec; tensor: tf.Tensor }>();
  return {
    taken,
    has: (name) => golden.names.includes(rename(name)),
    param(name, shape, spec) {
      const stored = golden.shape(rename(name));
      if (stored.join() !== shape.join()) {
        throw new TesseraError({
          code: 'golden-shape',
          who: name,
          got: `[${stored}] in the file`,
          expected: `[${shape}]`,
        });
      }
      const tensor = golden.tensor(rename(name));
      taken.set(name, { spec, tensor });
      return tensor;
    },
    dispose: () => tf.dispose([...taken.values()].map(({ tensor }) => tensor)),
  };
}
