import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import type {} from './databases.ts';

/** Puts an empty PGlite into a data directory: to make one takes seconds. */
export function fillDirectory(directory: string): void {
  cpSync(inject('dataDirectory'), directory, { recursive: true });
}

/** A new data directory with an empty PGlite. The caller deletes it. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-store-'));
  fillDirectory(directory);
  return directory;
}

/** The URL of a new database on the server of all tests. */
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
