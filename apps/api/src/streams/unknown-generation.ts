import { TesseraError } from '@tessera/errors';

/** Error `unknown-generation`: there is none of this id, or it is another tenant's. */
export function unknownGeneration(id: string): TesseraError {
  return new TesseraError({
    code: 'unknown-generation',
    who: 'api',
    got: `the generation id ${id.slice(0, 60)}`,
    expected: 'the id of a generation that is stored',
    next: 'Take the id from the answer that created it.',
  });
}
