import { defineOrder } from './define/define-order.ts';
import { allPositions } from './permutation.ts';
import { schema } from './schema.ts';
import type { Step } from './step.ts';
import type { Layout } from './tokens.ts';

/** VAR's order (section 3.2 of arXiv 2404.02905): all tokens of a scale in one step, coarse to fine. */
export const nextScaleOrder = defineOrder({
  contract: 1,
  name: 'next-scale',
  package: '@tessera/core',
  stride: 'scale',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({
    open: (layout, { rows }) => ({
      steps: () => scaleSteps(layout, rows.length),
      dispose: () => undefined,
    }),
    visit: (layout) => Int32Array.from(allPositions(layout)),
    stops: ({ scales }) => scales.map(({ start }) => start),
  }),
});

function* scaleSteps(layout: Layout, rows: number): Generator<Step> {
  let before = layout.length;
  for (const [index, { start, height, width }] of layout.scales.entries()) {
    const l = height * width;
    const positions_Bl = new Int32Array(rows * l);
    for (let i = 0; i < positions_Bl.length; i++) positions_Bl[i] = start + (i % l);
    yield { index, of: layout.scales.length, before, after: before - l, positions_Bl };
    before -= l;
  }
}
