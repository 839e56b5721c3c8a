import type { Tensor } from '@tensorflow/tfjs';
import type { Kept, Layout, Reads, Step } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

const WHO = 'tokenizer-vq canvas';

/** A step must hold one whole scale, the next one. @throws TesseraError `step-not-a-scale` */
export function checkStep(step: Step, at: { layout: Layout; batch: number; written: number }): void {
  const { layout, batch, written } = at;
  const scale = layout.scales[step.index];
  const length = scale === undefined ? 0 : scale.height * scale.width;
  const fits =
    step.index === written && step.positions_Bl.length === batch * length && step.positions_Bl[0] === scale?.start;
  if (fits) return;
  throw new TesseraError({
    code: 'step-not-a-scale',
    who: WHO,
    got: `step ${step.index} with ${step.positions_Bl.length} positions from ${step.positions_Bl[0]}`,
    expected: `scale ${written} of ${layout.scales.length} as a whole, for ${batch} rows`,
    next: 'Choose the next-scale order.',
  });
}

/** @throws TesseraError `reads-unserved` */
export function checkReads(reads: Reads): asserts reads is 'estimate' {
  if (reads === 'estimate') return;
  throw new TesseraError({
    code: 'reads-unserved',
    who: WHO,
    got: `a backbone that reads '${reads}'`,
    expected: "one that reads 'estimate'",
    next: 'Choose a next-scale backbone, or a tokenizer whose canvas serves this.',
  });
}

/** @throws TesseraError `shape-mismatch` */
export function checkKept({ values_BLC, keep_L }: Kept, shape: readonly [number, number, number]): void {
  checkTokens(values_BLC, shape);
  if (keep_L.length === shape[1]) return;
  const got = `keep_L of ${keep_L.length} entries`;
  throw new TesseraError({ code: 'shape-mismatch', who: WHO, got, expected: `${shape[1]}, one a position` });
}

/** @throws TesseraError `shape-mismatch` */
export function checkTokens(tokens: Tensor, shape: readonly [number, number, number]): void {
  if (tokens.shape.length === shape.length && shape.every((size, axis) => tokens.shape[axis] === size)) return;
  const got = `tokens of [${tokens.shape}]`;
  throw new TesseraError({ code: 'shape-mismatch', who: WHO, got, expected: `[${shape}]` });
}

export function canvasEmpty(): TesseraError {
  const got = 'a picture asked of an empty canvas';
  return new TesseraError({ code: 'canvas-empty', who: WHO, got, expected: 'one scale written at least' });
}
