import { TesseraError } from '@tessera/errors';

/** A picture that is not there for its caller. `field` is its place. */
export function unknownPicture(id: string, field: readonly string[]): TesseraError {
  return new TesseraError({
    code: 'unknown-picture',
    who: 'createGeneration',
    got: `the picture ${id.slice(0, 70)}`,
    expected: 'the id of an upload, or of a picture of a generation',
    next: 'Send the picture to /v1/uploads first.',
    field,
  });
}
