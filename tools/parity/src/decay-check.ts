import type { Param } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { metadataOf, type CaseFile } from './case-file.ts';

/** Which parameters decay is part of the recipe. @throws TesseraError `decay-differs` */
export function checkDecay(file: CaseFile, params: readonly Param[]): void {
  if (!file.metadata.has('no_decay_names')) return;
  const expected = (metadataOf(file, 'no_decay_names') as string[]).toSorted();
  const found = params.filter(({ decay }) => !decay).map(({ name }) => name);
  if (found.toSorted().join() === expected.join()) return;
  throw new TesseraError({
    code: 'decay-differs',
    who: file.name,
    got: `${found.length} parameters without weight decay`,
    expected: `these ${expected.length}: ${expected.join(', ')}`,
  });
}
