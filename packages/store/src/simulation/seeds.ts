import type { Engine, Statement } from '../database/engine.ts';
import { storeOn } from '../open-store.ts';
import { simulate } from './simulate.ts';

/** Lets the time of a database be what the simulation says. */
export async function openSimulation(engine: Engine): Promise<void> {
  await engine.query(
    `CREATE OR REPLACE FUNCTION tessera_now() RETURNS timestamptz LANGUAGE sql STABLE
     AS $$SELECT to_timestamp(current_setting('simulation.ms')::float8 / 1000)$$`,
  );
}

const clock: Statement = { name: 'clock', sql: "SELECT set_config('simulation.ms', $1, false)" };

const emptyStatement: Statement = {
  name: 'simulation-empty',
  sql: 'WITH a AS (DELETE FROM generation), b AS (DELETE FROM worker) DELETE FROM picture',
};

export interface Seeds {
  readonly first: number;
  readonly last: number;
  readonly change?: (statement: Statement) => Statement;
}

/**
 * Runs seeds one after the other in one database. `change` alters statements of the store, to see whether a mistake in them
 * would be found. Returns what was wrong with the first seed that failed.
 */
export async function runSeeds(engine: Engine, { first, last, change }: Seeds): Promise<string | null> {
  const changed: Engine = {
    kind: 'pglite',
    run: (statement, values) => engine.run(change ? change(statement) : statement, values),
    query: (sql, values) => engine.query(sql, values),
    tell: () => undefined,
    lost: () => undefined,
    reachedFor: () => Infinity,
    close: () => engine.close(),
  };
  const store = storeOn(changed, { leaseMs: 6000, listeners: new Set() });
  let now = -1;
  const setTime = async (ms: number) => {
    if (ms !== now) await engine.run(clock, [String((now = ms))]);
  };
  for (let seed = first; seed <= last; seed++) {
    await setTime(0);
    await engine.run(emptyStatement);
    const wrong = await simulate(seed, { store, engine, setTime });
    if (wrong.length > 0) return `seed ${seed} (TESSERA_SEED=${seed} replays it): ${wrong.join('; ')}`;
  }
  return null;
}
