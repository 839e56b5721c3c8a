import { join } from 'node:path';
import { openBlobs, type Blobs } from '@tessera/blobs';
import { openStore, type Store } from '@tessera/store';
import { log, measuredBlobs, measuredStore, meters } from '@tessera/telemetry';
import { requireSharedDatabase, type RoleOptions } from '../role-options.ts';
import type { Undo } from '../undo.ts';
import { makeDataDirectory, takeDataDirectory } from './data-directory.ts';

/** What all roles share: the database, and the pictures. */
export interface Storage {
  readonly store: Store;
  readonly blobs: Blobs;
}

export interface StorageOptions extends Pick<RoleOptions, 'role' | 'databaseUrl'> {
  readonly dataDirectory: string;
}

/**
 * Opens PostgreSQL where there is one, else a database of this process alone in the data directory.
 * @throws TesseraError `database-required`, `data-directory-unusable`, `data-directory-in-use`, and as `openStore`
 */
export async function openStorage(options: StorageOptions, undo: Undo): Promise<Storage> {
  const { databaseUrl, dataDirectory: directory } = options;
  requireSharedDatabase(options);
  if (databaseUrl === null) undo.add(await takeDataDirectory(directory));
  else await makeDataDirectory(directory);
  const watched = { onReconnect: () => meters.listens.inc(), report: (line: string) => log.error(line) };
  const store = measuredStore(
    await openStore(databaseUrl === null ? { directory, ...watched } : { url: databaseUrl, ...watched }),
  );
  undo.add(() => store.close());
  const blobs = measuredBlobs(await openBlobs(join(directory, 'images')));
  undo.add(() => blobs.close());
  return { store, blobs };
}
