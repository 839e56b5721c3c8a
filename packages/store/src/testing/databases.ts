import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { TestProject } from 'vitest/node';
import { startPostgres, type TestPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of a database on the server of all tests. */
    postgres: string;
    /** A data directory with a new PGlite, to be copied: to make one takes seconds. */
    dataDirectory: string;
  }
}

let dataDirectory: string;
let server: TestPostgres;

/** Once for all files of tests of this package. */
export async function setup(project: TestProject): Promise<void> {
  dataDirectory = mkdtempSync(join(tmpdir(), 'tessera-data-'));
  server = await startPostgres();
  await (await PGlite.create(join(dataDirectory, 'database'))).close();
  project.provide('postgres', await server.database());
  project.provide('dataDirectory', dataDirectory);
}

export async function teardown(): Promise<void> {
  await server.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
}
