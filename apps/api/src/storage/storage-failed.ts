import { TesseraError } from '@tessera/errors';

/** Error `storage-failed`: the data directory did not take or give something. What it is lies in its cause. */
export function storageFailed(cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'storage-failed',
    who: 'api',
    got: 'an error of its storage',
    expected: 'room and permission in the data directory',
    next: "Look at the server's output, then ask once more.",
    cause,
  });
}
