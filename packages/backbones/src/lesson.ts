import type { Cut } from '@tessera/core';
import { TesseraError } from '@tessera/errors';

/** For backbones that learn from every step. @throws TesseraError `lesson-order` */
export function refuseCut(cut: Cut | null, { who, order }: { readonly who: string; readonly order: string }): void {
  if (cut === null) return;
  throw new TesseraError({
    code: 'lesson-order',
    who,
    got: `a lesson with one cut after ${cut.least} to ${cut.most} known tokens`,
    expected: 'one that supervises every step',
    next: `Train this backbone with ${order}.`,
  });
}
