import { defineOrder } from './define/define-order.ts';
import { allPositions, byKey, shuffled, tokenSteps } from './permutation.ts';
import { schema } from './schema.ts';

/**
 * One token a step, in a random order of each row's own (MAR, arXiv 2406.11838, section 3.3 and table 1). Kept tokens
 * come first: so a backbone that remembers what it saw has seen all of them before it makes the first new one.
 */
export const randomOrder = defineOrder({
  contract: 1,
  name: 'random',
  package: '@tessera/core',
  stride: 'token',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({
    open: (layout, { rows, kept, rng }) => {
      const all = allPositions(layout);
      const isKept = (position: number): boolean => kept?.keep_L[position] === 1;
      const orders = rows.map((_, row) => {
        const order = shuffled(all, row, rng);
        return [...order.filter(isKept), ...order.filter((position) => !isKept(position))];
      });
      return { steps: () => tokenSteps(orders), dispose: () => undefined };
    },
    visit: (layout, key_L) => Int32Array.from(byKey(allPositions(layout), key_L)),
    stops: () => null,
  }),
});
