import { TesseraError } from '@tessera/errors';
import type { Engine, Statement } from '../database/engine.ts';
import { jsonOf } from '../json.ts';
import type { Failure, WorkerRecord, WorkerState } from '../records.ts';
import type { Claim, Ending, Hint } from '../store.ts';
import { canceledSql, endingsSql } from './order.ts';

/** How often an attempt may end a process or fail in a batch before the generation comes a step further. */
const MAX_ATTEMPTS = 3;
/** How often in a row a worker may die with a generation that has come no step further: then it runs alone, then it fails. */
const DEATHS_TO_ALONE = 3;
const MAX_DEATHS = 10;

/** A server that takes longer for a word hangs, or did. */
const PROMPT_MS = 1000;

/** A generation that has gone back to the queue, or has ended. */
export interface Moved extends Ending {
  readonly id: string;
}

const beatStatement: Statement = {
  name: 'beat',
  sql: `
  WITH seen AS (
    INSERT INTO worker (id, name, state, started_at, seen_at) VALUES ($1, $2, $3::jsonb, tessera_now(), tessera_now())
    ON CONFLICT (id) DO UPDATE SET name = $2, state = $3::jsonb, seen_at = tessera_now()
  )
  SELECT g.id, g.attempt, ${canceledSql} AS canceled FROM generation g WHERE g.worker = $1 AND g.state = 'running'`,
};

/** Also registers: a worker that was thought dead is known again by its next beat. */
export async function beat(
  engine: Engine,
  { id, name, state }: { readonly id: string; readonly name: string; readonly state: WorkerState },
): Promise<{ readonly canceled: readonly string[]; readonly owned: readonly Claim[] }> {
  const rows = await engine.run<Claim & { readonly canceled: boolean }>(beatStatement, [id, name, jsonOf(state)]);
  return {
    canceled: rows.filter((row) => row.canceled).map((row) => row.id),
    owned: rows.map((row) => ({ id: row.id, attempt: row.attempt })),
  };
}

/** The rest of a statement whose `held(id, next, blame, died, failure)` has locked generations that go to state `next`. */
const moveSql = `
  moved AS (
    UPDATE generation g
    SET state = held.next, worker = NULL, last_seq = g.last_seq + (held.next <> 'queued')::int,
      blames = g.blames + held.blame::int, deaths = g.deaths + held.died::int,
      alone = g.alone OR held.blame OR held.died AND g.deaths + 1 >= ${DEATHS_TO_ALONE},
      failure = CASE held.next WHEN 'failed' THEN held.failure END,
      finished_at = CASE WHEN held.next <> 'queued' THEN tessera_now() END
    FROM held WHERE g.id = held.id
    RETURNING g.id, g.last_seq, g.model, g.state, coalesce(g.failure, '{}') AS said
  ), ${endingsSql}
  SELECT id, model, state, coalesce(said ->> 'code', '') AS code FROM moved`;

/** $1 claims, $2 failure of the blame or null. */
const releaseStatement: Statement = {
  name: 'release',
  sql: `
  WITH held AS MATERIALIZED (
    SELECT g.id, $2::jsonb IS NOT NULL AS blame, false AS died, $2::jsonb AS failure,
      CASE WHEN ${canceledSql} THEN 'canceled'
        WHEN $2::jsonb IS NOT NULL AND g.blames + 1 >= ${MAX_ATTEMPTS} THEN 'failed' ELSE 'queued' END AS next
    FROM jsonb_to_recordset($1::jsonb) AS mine (id uuid, attempt integer)
      JOIN generation g ON g.id = mine.id AND g.attempt = mine.attempt
    WHERE g.state = 'running' FOR UPDATE OF g
  ), ${moveSql}`,
};

export function release(engine: Engine, claims: readonly Claim[], blame?: Failure): Promise<readonly Moved[]> {
  const mine = claims.map(({ id, attempt }) => ({ id, attempt }));
  return engine.run<Moved>(releaseStatement, [jsonOf(mine), blame ? jsonOf(blame) : null]);
}

const unregisterStatement: Statement = {
  name: 'unregister',
  sql: `
  WITH gone AS (DELETE FROM worker WHERE id = $1), held AS MATERIALIZED (
    SELECT g.id, false AS blame, false AS died, NULL::jsonb AS failure,
      CASE WHEN ${canceledSql} THEN 'canceled' ELSE 'queued' END AS next
    FROM generation g WHERE g.worker = $1 AND g.state = 'running' FOR UPDATE OF g
  ), ${moveSql}`,
};

export function unregister(engine: Engine, worker: string): Promise<readonly Moved[]> {
  return engine.run<Moved>(unregisterStatement, [worker]);
}

/**
 * $1 lease, $2 failure of deadlines, $3 failure of deaths, $4 whether the dead count, and $5 when that was known, or null. Rows
 * that somebody else is changing are left for the next time.
 */
const reapStatement: Statement = {
  name: 'reap',
  never: true,
  sql: `
  WITH gone AS (
    DELETE FROM worker WHERE seen_at < tessera_now() - 10 * $1 * interval '1 ms'
  ), held AS MATERIALIZED (
    SELECT g.id, false AS blame, g.state = 'running' AS died,
      CASE g.state WHEN 'queued' THEN $2::jsonb ELSE $3::jsonb END AS failure,
      CASE WHEN ${canceledSql} THEN 'canceled' WHEN g.state = 'queued' THEN 'failed'
        WHEN g.deaths + 1 >= ${MAX_DEATHS} THEN 'failed' ELSE 'queued' END AS next
    FROM generation g
    WHERE g.state = 'queued' AND (g.attempt = 0 AND g.deadline <= tessera_now() OR ${canceledSql})
      OR g.state = 'running' AND NOT EXISTS (
        SELECT FROM worker w WHERE w.id = g.worker AND w.seen_at > tessera_now() - $1 * interval '1 ms')
        AND $4 AND ($5::timestamptz IS NULL OR tessera_now() < $5::timestamptz + ${PROMPT_MS} * interval '1 ms')
    FOR UPDATE OF g SKIP LOCKED
  ), ${moveSql}`,
};

const nowStatement: Statement = { name: 'now', never: true, sql: 'SELECT tessera_now() AS now' };

/** After the database could not be reached no worker counts as dead for a lease: perhaps none could beat. */
export async function reap(engine: Engine, leaseMs: number): Promise<readonly Moved[]> {
  const now = engine.kind === 'pglite' ? null : await promptNow(engine);
  const values = [leaseMs, jsonOf(deadlinePassed), jsonOf(workersDied), engine.reachedFor() > leaseMs, now];
  return engine.run<Moved>(reapStatement, values);
}

/**
 * A server that hangs takes statements and runs them when it goes on, before the beats that wait beside them. So it is asked
 * for its time first: a late answer shows that it hung before, and with the time it sees whether it has hung since.
 */
async function promptNow(engine: Engine): Promise<Date> {
  const asked = performance.now();
  const [row] = await engine.run<{ now: Date }>(nowStatement);
  if (performance.now() - asked > PROMPT_MS) engine.lost();
  return row!.now;
}

export async function workers(engine: Engine): Promise<readonly WorkerRecord[]> {
  const { rows } = await engine.query<{
    id: string;
    name: string;
    started_at: Date;
    seen_at: Date;
    state: WorkerState;
  }>('SELECT id, name, started_at, seen_at, state FROM worker ORDER BY started_at, id');
  return rows.map(({ started_at: startedAt, seen_at: seenAt, ...row }) => ({ ...row, startedAt, seenAt }));
}

/** What others want to know of generations that have moved. */
export function hintsOf(moved: readonly Moved[]): readonly Hint[] {
  const ended = moved.filter(({ state }) => state !== 'queued');
  const hints: Hint[] = ended.map(({ id, ...ending }) => ({ kind: 'events', id, ending }));
  return moved.length > ended.length ? [...hints, { kind: 'queue', id: '' }] : hints;
}

const deadlinePassed = failureOf({
  code: 'deadline-passed',
  who: 'queue',
  got: 'no worker that began with it before its deadline',
  expected: 'one to be free by then',
  next: 'Send it again with a later deadline, or without one.',
});

const workersDied = failureOf({
  code: 'workers-died',
  who: 'queue',
  got: `the end of ${MAX_DEATHS} workers in a row while they ran this generation`,
  expected: 'a worker to finish a step of it',
  next: "Look at the workers' output: this request may need more memory than they have.",
});

function failureOf(parts: ConstructorParameters<typeof TesseraError>[0]): Failure {
  return { code: parts.code, message: new TesseraError(parts).message };
}
