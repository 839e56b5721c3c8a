import { TesseraError } from '@tessera/errors';
import type { Step } from './tokens.ts';

interface Place {
  readonly batch: number;
  readonly length: number;
  /** Whether the token at this place of [B, L] may be written. */
  readonly free: (at: number) => boolean;
  readonly who: string;
}

/** A step has equally many tokens of every row, each of them still missing. @throws TesseraError `step-misfit` */
export function checkPositions({ index, positions_Bl }: Step, { batch, length, free, who }: Place): void {
  const count = positions_Bl.length / batch;
  const misfit = (got: string, expected: string): never => {
    const next = 'Choose an order that was opened for this request.';
    throw new TesseraError({ code: 'step-misfit', who, got: `step ${index} with ${got}`, expected, next });
  };
  if (!Number.isInteger(count)) misfit(`${positions_Bl.length} positions`, `equally many for each of ${batch} rows`);
  for (const [i, position] of positions_Bl.entries()) {
    if (!(position >= 0 && position < length)) misfit(`position ${position}`, `positions from 0 to ${length - 1}`);
    const row = Math.floor(i / count);
    if (!free(row * length + position)) misfit(`position ${position} of row ${row} again`, 'tokens still missing');
  }
}
