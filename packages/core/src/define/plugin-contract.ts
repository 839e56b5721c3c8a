import { TesseraError } from '@tessera/errors';

/** Versions of the contracts that this release of Tessera speaks, oldest first. */
export const contracts: readonly number[] = [1];

/** What every plug-in says of itself first. */
export interface Spoken {
  readonly name: string;
  readonly contract: number;
}

/**
 * Whether Tessera and a plug-in speak of the same contract. Asked where a plug-in is used, not where it is defined: one
 * that is too old must not keep the others of a program from loading.
 * @throws TesseraError `part-contract`, which says who must be updated
 */
export function checkContract({ name, contract }: Spoken, spoken = contracts): void {
  if (spoken.includes(contract)) return;
  const tooNew = contract > spoken.at(-1)!;
  throw new TesseraError({
    code: 'part-contract',
    who: name,
    got: `a plug-in for contract ${String(contract)}`,
    expected: `contract ${spoken.join(' or ')}, which this release of Tessera speaks`,
    next: tooNew ? `Update Tessera, or install an older ${name}.` : `Install a newer release of ${name}.`,
  });
}
