import { describe, it } from 'vitest';
import { confidenceOrder } from '../confidence-order.ts';
import { nextScaleOrder } from '../next-scale-order.ts';
import { randomOrder } from '../random-order.ts';
import { randomSetsOrder } from '../random-sets-order.ts';
import { rasterOrder } from '../raster-order.ts';
import { cases } from './index.ts';

describe.each([
  [nextScaleOrder, {}],
  [rasterOrder, {}],
  [randomOrder, {}],
  [randomSetsOrder, { options: { steps: 4 } }],
  [confidenceOrder, { options: { steps: 4 } }],
])('conformance', (order, options) => {
  for (const { name, run } of cases(order, options)) it(name, run);
});
