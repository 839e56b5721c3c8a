import { defineOrder } from './define/define-order.ts';
import { allPositions, tokenSteps } from './permutation.ts';
import { schema } from './schema.ts';

/** One token a step, as they lie: row by row, coarse scales first. The baseline that both papers compare with. */
export const rasterOrder = defineOrder({
  contract: 1,
  name: 'raster',
  package: '@tessera/core',
  stride: 'token',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({
    open: (layout, { rows }) => {
      const order = allPositions(layout);
      return { steps: () => tokenSteps(rows.map(() => order)), dispose: () => undefined };
    },
    visit: (layout) => Int32Array.from(allPositions(layout)),
    stops: () => null,
  }),
});
