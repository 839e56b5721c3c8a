import { readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TesseraError } from '@tessera/errors';

/** PostgreSQL needs about this much for a database without content. */
const LEAST_MEGABYTES = 100;

/** Error `database-unusable`, of what lies in a data directory in the place of a database, or of a disk too small for one. */
export function databaseUnusable(folder: string, cause: unknown): TesseraError {
  const { bavail, bsize } = statfsSync(join(folder, '..'));
  const free = Math.floor((bavail * bsize) / 2 ** 20);
  const full = free < LEAST_MEGABYTES;
  return new TesseraError({
    code: 'database-unusable',
    who: 'store',
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
