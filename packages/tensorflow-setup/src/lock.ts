import { TesseraError } from '@tessera/errors';
import { takeLock, type LockOwner, type Unlock } from '@tessera/node-kit';

/**
 * Keeps a second setup out while one runs. A lock whose process has died does not count.
 * @throws TesseraError `setup-running`
 */
export function lock(file: string): Unlock {
  return takeLock(file, (owner) => running(owner, file));
}

function running(owner: LockOwner | null, file: string): TesseraError {
  return new TesseraError({
    code: 'setup-running',
    who: 'tessera setup tensorflow',
    got: `another setup that is at work (process ${owner?.pid ?? '?'})`,
    expected: 'one at a time',
    next: `Wait for it; if there is none, remove ${file}.`,
  });
}
