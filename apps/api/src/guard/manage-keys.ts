import process from 'node:process';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { openStore } from '@tessera/store';
import { dataDirectoryOf } from '../server-options.ts';
import { takeDataDirectory } from '../storage/data-directory.ts';
import { apiKeys, type ApiKeys } from './api-keys.ts';

/**
 * Opens the keys of DATABASE_URL, beside any number of servers, or those of the data directory, where none may run: its
 * database has one process. No request over the network ever makes a key.
 * @throws TesseraError `data-directory-in-use`, and what `openStore` throws
 */
export async function manageKeys<T>(
  task: (keys: ApiKeys) => Promise<T>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<T> {
  const { DATABASE_URL: url } = environment;
  const directory = dataDirectoryOf(environment);
  const unlock = url ? () => undefined : await takeDataDirectory(directory).catch(explain);
  try {
    const store = await openStore(url ? { url } : { directory });
    try {
      return await task(apiKeys(store.database));
    } finally {
      await store.close();
    }
  } finally {
    unlock();
  }
}

function explain(error: unknown): never {
  if (!isTesseraError(error) || error.code !== 'data-directory-in-use') throw error;
  const { code, got } = error.parts;
  const next =
    'Stop that server for a moment: it goes on where it was. With PostgreSQL (DATABASE_URL) it need not stop.';
  throw new TesseraError({ code, who: 'keys', got, expected: 'no server on it', next, cause: error });
}
