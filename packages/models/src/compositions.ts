import { compose, disposeAll, type Composition, type Held, type SampleEvent, type Weights } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Outlined } from './outline.ts';
import type { FileWeights, ModelWeights } from './weights.ts';

/** Compositions for other sizes that are kept: each has programs of its own, and the weights of all are the same. */
const MOST_KEPT = 3;

interface CompositionParts {
  readonly engine: Engine;
  /** All of them were taken, by the model's own composition. */
  readonly weights: ModelWeights;
  /** For the model's own size. */
  readonly own: { readonly outline: Outlined; readonly composition: Composition };
}

interface Kept {
  readonly composition: Composition;
  /** Generations that it makes now. */
  users: number;
}

/** What makes the pictures of a model, by their size: composed when a size is first asked for, from the same weights. */
export class Compositions implements Held {
  readonly #parts: CompositionParts;
  /** The newest at the end. */
  readonly #others = new Map<string, Kept>();

  constructor(parts: CompositionParts) {
    this.#parts = parts;
  }

  /**
   * Runs with the composition for an outline of the model (`outlineAt`), which is not disposed meanwhile.
   * @throws TesseraError `size-weights`, and what the parts throw
   */
  async *run(
    outline: Outlined,
    make: (composition: Composition) => AsyncGenerator<SampleEvent>,
  ): AsyncGenerator<SampleEvent> {
    const { own } = this.#parts;
    if (outline.facts === own.outline.facts) return yield* make(own.composition);
    const kept = this.#open(outline);
    kept.users++;
    try {
      yield* make(kept.composition);
    } finally {
      kept.users--;
    }
  }

  dispose(): void {
    const others = [...this.#others.values()].map(({ composition }) => composition);
    this.#others.clear();
    disposeAll([this.#parts.own.composition, ...others].flatMap(heldOf));
  }

  #open(outline: Outlined): Kept {
    const key = JSON.stringify(outline.facts.layout);
    const kept = this.#others.get(key) ?? { composition: this.#compose(outline), users: 0 };
    this.#others.delete(key);
    for (const [oldest, { composition, users }] of this.#others) {
      if (this.#others.size < MOST_KEPT) break;
      if (users > 0) continue;
      this.#others.delete(oldest);
      disposeAll(heldOf(composition));
    }
    this.#others.set(key, kept);
    return kept;
  }

  #compose({ parts, facts, manifest }: Outlined): Composition {
    const { engine, weights } = this.#parts;
    const shared = {
      tokenizer: sharedWeights(weights.tokenizer, parts.tokenizer.plugin.name, manifest.name),
      backbone: sharedWeights(weights.backbone, parts.backbone.plugin.name, manifest.name),
      head: sharedWeights(weights.head, parts.head.plugin.name, manifest.name),
    };
    return compose(parts, { engine, weights: shared }, facts);
  }
}

function heldOf({ tokenizer, backbone, head }: Composition): readonly Held[] {
  return [tokenizer, backbone, head];
}

/** Weights that were taken, for a part that is built again: it must ask for the same ones. */
function sharedWeights(weights: FileWeights, part: string, who: string): Weights {
  return {
    has: (name) => weights.has(name),
    param: (name, shape, spec) => {
      const taken = weights.taken.get(name);
      const fits = taken && taken.rank === shape.length && taken.shape.every((side, axis) => side === shape[axis]);
      if (fits) return weights.param(name, shape, spec);
      throw new TesseraError({
        code: 'size-weights',
        who,
        got: `another size, for which ${part} asks for ${name} [${shape.join(', ')}]`,
        expected: taken ? `[${taken.shape.join(', ')}], as its weights are` : 'only tensors that its own size asks for',
        next: `Leave size out, and report it to the makers of ${part}.`,
      });
    },
  };
}
