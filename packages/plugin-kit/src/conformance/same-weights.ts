import type { Weights } from '@tessera/core';

/** Weights of a part that is built twice. */
export interface SameWeights {
  /** Whatever the part asks for. */
  readonly first: Weights;
  /** The same tensors alone, of the same shapes. @throws Error for others */
  readonly again: Weights;
}

/** For a part that is built for one size of pictures, and then for another. */
export function sameWeights(weights: Weights): SameWeights {
  const asked = new Map<string, string>();
  return {
    first: {
      has: (name) => weights.has(name),
      param: (name, shape, spec) => {
        asked.set(name, shape.join(', '));
        return weights.param(name, shape, spec);
      },
    },
    again: {
      has: (name) => asked.has(name),
      param: (name, shape, spec) => {
        const known = asked.get(name);
        if (known === shape.join(', ')) return weights.param(name, shape, spec);
        const due = known === undefined ? 'was not asked for before' : `was [${known}]`;
        throw new Error(`for another size it asks for ${name} [${shape.join(', ')}], which ${due}`);
      },
    },
  };
}
