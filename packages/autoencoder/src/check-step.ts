import type { Layout, Step } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/** A step must hold one whole scale, the next one. @throws TesseraError `step-not-a-scale` */
export function checkStep(step: Step, at: { layout: Layout; batch: number; written: number; who: string }): void {
  const { layout, batch, written, who } = at;
  const scale = layout.scales[step.index];
  const length = scale === undefined ? 0 : scale.height * scale.width;
  const fits =
    step.index === written && step.positions_Bl.length === batch * length && step.positions_Bl[0] === scale?.start;
  if (fits) return;
  throw new TesseraError({
    code: 'step-not-a-scale',
    who,
    got: `step ${step.index} with ${step.positions_Bl.length} positions from ${step.positions_Bl[0]}`,
    expected: `scale ${written} of ${layout.scales.length} as a whole, for ${batch} rows`,
    next: 'Choose the next-scale order.',
  });
}
