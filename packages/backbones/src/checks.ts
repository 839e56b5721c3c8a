import type { Cut } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

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
