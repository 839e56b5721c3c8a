import type { Cut } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/**
 * A class of the model, or -1 for none. The request checks its labels too, in the same words, before a model is built;
 * backbones do not depend on it, and are also called without one. @throws TesseraError `label-out-of-range`
 */
export function checkLabel(label: number, classes: number, who: string): number {
  if (Number.isInteger(label) && label >= -1 && label < classes) return label;
  throw new TesseraError({
    code: 'label-out-of-range',
    who,
    got: `label ${label}`,
    expected: `a label from 0 to ${classes - 1}, or -1 for no class`,
    next: 'Choose a label of this model.',
  });
}

/** For backbones that learn from every step. @throws TesseraError `batch-order` */
export function refuseCut(cut: Cut | null, { who, order }: { readonly who: string; readonly order: string }): void {
  if (cut === null) return;
  throw new TesseraError({
    code: 'batch-order',
    who,
    got: `a training batch with one cut after ${cut.least} to ${cut.most} known tokens`,
    expected: 'one that supervises every step',
    next: `Train this backbone with ${order}.`,
  });
}

/** For backbones whose training batches hold all positions. @throws TesseraError `batch-length` */
export function checkBatchLength(length: number, all: number, who: string): void {
  if (length === all) return;
  throw new TesseraError({
    code: 'batch-length',
    who,
    got: `a training batch of ${length} positions`,
    expected: `all ${all}`,
  });
}
