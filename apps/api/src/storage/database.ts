import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { TesseraError } from '@tessera/errors';
import { migrations } from './migrations.ts';

export type Database = PGlite;

/**
 * Opens the database of a data directory, which the caller has locked, and brings its tables up to date.
 * @throws TesseraError `database-too-new` where a newer Tessera has written it
 */
export async function openDatabase(directory: string): Promise<Database> {
  const database = await PGlite.create(join(directory, 'database'));
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

async function migrate(database: Database): Promise<void> {
  await database.exec('CREATE TABLE IF NOT EXISTS migration (version integer PRIMARY KEY)');
  const { rows } = await database.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM migration',
  );
  const done = rows[0]!.version;
  if (done > migrations.length) throw tooNew(done);
  for (const [index, sql] of migrations.entries()) {
    if (index < done) continue;
    await database.transaction(async (transaction) => {
      await transaction.exec(sql);
      await transaction.query('INSERT INTO migration VALUES ($1)', [index + 1]);
    });
  }
}

function tooNew(version: number): TesseraError {
  return new TesseraError({
    code: 'database-too-new',
    who: 'api',
    got: `a database of version ${version}`,
    expected: `at most ${migrations.length}`,
    next: 'Use the newer Tessera that wrote it, or set TESSERA_DATA to another directory.',
  });
}
