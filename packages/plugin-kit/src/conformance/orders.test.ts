import { describe, it } from 'vitest';
import { confidenceOrder, nextScaleOrder, randomOrder, randomSetsOrder, rasterOrder } from '@tessera/core';
import { cases } from './index.ts';

describe.each([
  [nextScaleOrder, {}],
  [rasterOrder, {}],
  [randomOrder, {}],
  [
    randomSetsOrder,
    {
      options: { steps: 4 },
      values: { restSteps: [0, 1, 3] },
      departs: { restSteps: 'training draws these orders too, among others' },
    },
  ],
  [confidenceOrder, { options: { steps: 4 } }],
])('conformance', (order, options) => {
  for (const { name, run } of cases(order, options)) it(name, run);
});
