import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { openStore, type Store } from '../index.ts';
import { stopClock, type TestClock } from './clock.ts';
import { newDatabase, newDirectory } from './new-database.ts';

export interface OpenedStore {
  readonly store: Store;
  readonly clock: TestClock;
}

/** Runs a suite on each kind of database, with an empty one for each test, whose time stands still. */
export function onEachStore(suite: (opened: () => OpenedStore) => void): void {
  describe.each(['pglite', 'postgresql'] as const)('%s', (kind) => {
    let opened: OpenedStore;
    let directory: string | null = null;
    beforeAll(async () => {
      directory = kind === 'pglite' ? newDirectory() : null;
      const store = await openStore(directory === null ? { url: await newDatabase() } : { directory });
      opened = { store, clock: await stopClock(store.database) };
    }, 60_000);
    // Of tables of so few rows faster than TRUNCATE.
    beforeEach(async () => {
      for (const table of ['generation', 'worker', 'picture'])
        await opened.store.database.query(`DELETE FROM ${table}`);
    });
    afterAll(async () => {
      await opened.store.close();
      if (directory !== null) rmSync(directory, { recursive: true, force: true });
    });
    suite(() => opened);
  });
}
