import { TesseraError } from '@tessera/errors';

/** A pickle that breaks its own grammar, or says what weights never say. */
export function malformed(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'pickle-malformed',
    who,
    got,
    expected,
    next: 'The file is damaged, or was not written by torch.save.',
  });
}
