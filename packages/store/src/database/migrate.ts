import { TesseraError } from '@tessera/errors';
import { migrations } from './migrations.ts';

/** One connection that alone changes the tables now. */
export interface MigrationConnection {
  /** The highest version that has been applied; 0 of an empty database. */
  version(): Promise<number>;
  /** Runs statements as one transaction. */
  run(sql: string): Promise<unknown>;
}

/**
 * Brings the tables up to date: each missing version in a transaction of its own.
 * @throws TesseraError `database-too-new` where a newer Tessera has written it
 */
export async function migrate(connection: MigrationConnection): Promise<void> {
  await connection.run('CREATE TABLE IF NOT EXISTS migration (version integer PRIMARY KEY)');
  const done = await connection.version();
  if (done > migrations.length) throw tooNew(done);
  for (const [index, sql] of migrations.entries()) {
    if (index >= done) await connection.run(`${sql} INSERT INTO migration (version) VALUES (${index + 1});`);
  }
}

export const versionSql = 'SELECT coalesce(max(version), 0) AS version FROM migration';

function tooNew(version: number): TesseraError {
  return new TesseraError({
    code: 'database-too-new',
    who: 'store',
    got: `a database of version ${version}`,
    expected: `at most ${migrations.length}`,
    next: 'Use the newer Tessera that wrote it, or another database.',
  });
}
