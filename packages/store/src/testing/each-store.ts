import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, inject } from 'vitest';
import { openStore, type Store } from '../index.ts';
import { stopClock, type TestClock } from './clock.ts';

export interface OpenedStore {
  readonly store: Store;
  readonly clock: TestClock;
}

/** A copy of the new data directory. The caller deletes it. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-store-'));
  cpSync(inject('dataDirectory'), directory, { recursive: true });
  return directory;
}

/** The URL of a new database. */
export async function newDatabase(): Promise<string> {
  const url = new URL(inject('postgres'));
  const name = `suite_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client(url.href);
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  url.pathname = name;
  return url.href;
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
