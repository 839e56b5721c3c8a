import {
  allPositions,
  byKey,
  defineOrder,
  missingOf,
  schema,
  setSizes,
  setSteps,
  shuffled,
  type Layout,
} from '@tessera/plugin-kit';

const NAME = '@tessera-examples/order-checkerboard';

const { object, integer, optional, described } = schema;

/**
 * The even cells of a checkerboard in random sets, then the others, each of which then knows its four neighbours. Kept
 * tokens are left out.
 */
export const checkerboardOrder = defineOrder({
  contract: 1,
  name: NAME,
  stride: 'set', // a step writes any set of positions
  // In model.json, when the order is built: nothing.
  config: object({}),
  // In each request: what `--set` and the page offer.
  options: ({ length }) => {
    const most = Math.max(2, length);
    const steps = optional(integer({ min: 2, max: most }), Math.min(16, most));
    return object({ steps: described(steps, 'Sets in all, half of them for each colour; fewer are faster.') });
  },
  build: () => ({
    // Sampling: `rows` are the images of a batch, each with its own seed; `positions_Bl` of a step holds l positions of each.
    open: (layout, { rows, kept, rng, options: { steps } }) => {
      const missing = missingOf(layout, kept, NAME);
      const even = missing.filter((position) => isEven(position, layout)).length;
      const [first, rest] = [
        Math.min(even, Math.ceil(steps / 2)),
        Math.min(missing.length - even, Math.floor(steps / 2)),
      ];
      const sizes = [...setSizes(even, first), ...setSizes(missing.length - even, rest)];
      const orders = rows.map((_, row) => evenFirst(shuffled(missing, row, rng), layout));
      return { steps: () => setSteps(orders, sizes), dispose: () => undefined };
    },
    // Training: all positions of one image in the order in which they come; `key_L` holds a random number for each.
    visit: (layout, key_L) => Int32Array.from(evenFirst(byKey(allPositions(layout), key_L), layout)),
    // Training: a step may begin after any number of tokens.
    stops: () => null,
  }),
});

/** The same positions in their order, even cells before odd ones. */
function evenFirst(positions: readonly number[], layout: Layout): number[] {
  const even = positions.filter((position) => isEven(position, layout));
  return [...even, ...positions.filter((position) => !isEven(position, layout))];
}

function isEven(position: number, { scales }: Layout): boolean {
  const { start, width } = scales.findLast((scale) => scale.start <= position)!;
  const cell = position - start;
  return (Math.floor(cell / width) + (cell % width)) % 2 === 0;
}
