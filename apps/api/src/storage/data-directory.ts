import { mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { diskWords, folderTrouble } from '@tessera/models';
import { takeLock, type LockOwner, type Unlock } from '@tessera/node-kit';

/**
 * Makes a data directory where there is none, and takes it for this process: two processes on one database would destroy it.
 * @throws TesseraError `data-directory-unusable`, `data-directory-in-use`
 */
export async function takeDataDirectory(directory: string): Promise<Unlock> {
  await makeDataDirectory(directory);
  try {
    return takeLock(join(directory, 'lock'), (owner) => inUse(directory, owner));
  } catch (error) {
    throw isTesseraError(error) ? error : unusable(directory, diskWords(error), error);
  }
}

/**
 * Makes a data directory where there is none: processes with a database elsewhere may share it.
 * @throws TesseraError `data-directory-unusable`
 */
export async function makeDataDirectory(directory: string): Promise<void> {
  const trouble = await folderTrouble(directory);
  if (trouble) throw unusable(directory, trouble.got, trouble.cause);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw unusable(directory, diskWords(error), error);
  }
}

function inUse(directory: string, owner: LockOwner | null): TesseraError {
  return new TesseraError({
    code: 'data-directory-in-use',
    who: 'api',
    got: `the data directory ${directory}, which process ${owner?.pid ?? '?'} on ${owner?.host ?? '?'} uses`,
    expected: 'a separate directory for each server',
    next: `Stop that server, set TESSERA_DATA to another directory, or delete ${join(directory, 'lock')} if it no longer runs.`,
  });
}

function unusable(directory: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'data-directory-unusable',
    who: 'api',
    got: `the data directory ${directory}: ${got}`,
    expected: 'a folder that can be made and written',
    next: 'Set TESSERA_DATA to another folder, or free space and give write permission in this one.',
    ...(cause !== undefined && { cause }),
  });
}

/** PostgreSQL needs about this much for a database without content. */
const LEAST_MEGABYTES = 100;

/** Error `database-unusable`, of what lies in a data directory in the place of a database, or of a disk too small for one. */
export function databaseUnusable(folder: string, cause: unknown): TesseraError {
  const { bavail, bsize } = statfsSync(join(folder, '..'));
  const free = Math.floor((bavail * bsize) / 2 ** 20);
  const full = free < LEAST_MEGABYTES;
  return new TesseraError({
    code: 'database-unusable',
    who: 'api',
    got: full ? `no database at ${folder} and ${free} MB of room` : `${contentOf(folder)} that cannot be opened`,
    expected: full ? `${LEAST_MEGABYTES} MB` : 'a database that this Tessera has made',
    next: full
      ? 'Make room, or set TESSERA_DATA to another folder.'
      : 'Move it away and a new one is made, or set TESSERA_DATA to another folder.',
    cause,
  });
}

function contentOf(folder: string): string {
  if (statSync(folder, { throwIfNoEntry: false })?.isFile()) return `a file ${folder}`;
  const version = versionOf(folder);
  return version === null ? `a database ${folder}` : `a database ${folder} of PostgreSQL ${version}`;
}

function versionOf(folder: string): string | null {
  try {
    return readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim().slice(0, 20);
  } catch {
    return null;
  }
}
