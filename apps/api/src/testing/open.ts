import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openStore, type Store, type StoreOptions } from '@tessera/store';
import { fillDirectory } from '@tessera/store/testing/new-database';
import { startServer, type RunningServer } from '../index.ts';

/** As `startServer`; a database that is not there yet begins as a copy of an empty one: to make one takes seconds. */
export function startTestServer(...[options]: Parameters<typeof startServer>): Promise<RunningServer> {
  if (!options?.databaseUrl) prepare(options!.dataDirectory!);
  return startServer(options);
}

/** As `openStore`, likewise. */
export function openTestStore(options: StoreOptions): Promise<Store> {
  if (options.directory !== undefined) prepare(options.directory);
  return openStore(options);
}

function prepare(directory: string): void {
  if (!existsSync(join(directory, 'database'))) fillDirectory(directory);
}
