import type { Database } from '../store.ts';

/** Time of a test's database. */
export interface TestClock {
  /** In milliseconds. */
  advance(by: number): Promise<void>;
}

/** Stops the time of a database, so that only the test moves it: leases and deadlines pass without waiting. */
export async function stopClock(database: Database): Promise<TestClock> {
  await database.query('CREATE TABLE test_clock AS SELECT tessera_now() AS at');
  await database.query(
    `CREATE OR REPLACE FUNCTION tessera_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM test_clock'`,
  );
  return {
    advance: async (by) => void (await database.query(`UPDATE test_clock SET at = at + $1 * interval '1 ms'`, [by])),
  };
}
