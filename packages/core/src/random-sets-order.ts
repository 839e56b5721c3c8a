import { defineOrder } from './define/define-order.ts';
import { allPositions, byKey, missingOf, setSteps, shuffled } from './permutation.ts';
import { schema } from './schema.ts';
import { setSizes, stepsField } from './set-sizes.ts';

/** Request-time options of the order of random sets. */
export interface RandomSetsOptions {
  /** How many sets the tokens come in. */
  readonly steps: number;
}

/**
 * MAR's order (section 3.3 of arXiv 2406.11838): every row has a random order of its own; the sets grow as the cosine
 * falls. Kept tokens are left out.
 */
export const randomSetsOrder = defineOrder({
  contract: 1,
  name: 'random-sets',
  package: '@tessera/core',
  stride: 'set',
  config: schema.object({}),
  options: (layout) => schema.object({ steps: stepsField(layout) }),
  build: () => ({
    open: (layout, { rows, kept, rng, options }) => {
      const missing = missingOf(layout, kept, 'random-sets');
      const sizes = setSizes(missing.length, Math.min(options.steps, missing.length));
      const orders = rows.map((_, row) => shuffled(missing, row, rng));
      return { steps: () => setSteps(orders, sizes), dispose: () => undefined };
    },
    visit: (layout, key_L) => Int32Array.from(byKey(allPositions(layout), key_L)),
    stops: () => null,
  }),
});
