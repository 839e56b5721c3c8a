import { TesseraError } from '@tessera/errors';
import pg from 'pg';
import type { Hint } from '../store.ts';
import { didNotOpen, requireDatabaseUrl, requireVersion } from './database-url.ts';
import type { Engine, Statement } from './engine.ts';
import { HintChannel, type HintListener } from './hint-channel.ts';
import { migrate, versionSql } from './migrate.ts';
import { codeOf, FailureLog, storageFailed, type Report } from './storage-failed.ts';

/** Of one process. */
const MOST_CONNECTIONS = 10;
/** A connection that does not answer for so long counts as cut. */
const ANSWER_MS = 10_000;
/** How long a statement is repeated: a restart of PostgreSQL takes less. */
const REPEAT_MS = 5000;
/** Of the lock that a process holds while it changes the tables: any number that no one else uses. */
const MIGRATION_LOCK = 7_365_737_265;

/**
 * Connects to a PostgreSQL server and brings its tables up to date, one process after the other.
 * @throws TesseraError `database-url-invalid`, `database-refused`, `database-missing`, `database-unreachable`, `database-too-old`,
 * `database-too-new`
 */
export async function openPostgres(
  url: string,
  { report = console.error, ...listener }: PostgresListener,
): Promise<Engine> {
  requireDatabaseUrl(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    application_name: 'tessera',
    // Accepted means durable, and a step that somebody has seen must not vanish: every commit waits for the disk.
    options: '-c synchronous_commit=on',
  });
  // Of idle connections: the next statement takes another one.
  pool.on('error', () => undefined);
  try {
    await migrateAlone(url);
    const channel = await HintChannel.open(url, listener);
    return new PostgresEngine(pool, channel, report);
  } catch (error) {
    await pool.end();
    throw error instanceof TesseraError ? error : didNotOpen(url, error);
  }
}

interface PostgresListener extends HintListener {
  readonly report?: Report;
}

class PostgresEngine implements Engine {
  readonly kind = 'postgresql';
  readonly #pool: pg.Pool;
  readonly #channel: HintChannel;
  readonly #log: FailureLog;
  #closed = false;

  constructor(pool: pg.Pool, channel: HintChannel, report: Report) {
    this.#log = new FailureLog(report);
    this.#pool = pool;
    this.#channel = channel;
  }

  async query<R>(sql: string, values: readonly unknown[] = []): Promise<{ readonly rows: R[] }> {
    const rows = await this.#repeat<R>({ text: sql, values: [...values] }, nothingDone);
    return { rows };
  }

  run<R>({ name, sql, once, never }: Statement, values: readonly unknown[] = []): Promise<R[]> {
    const mayRepeat = never ? () => false : once ? nothingDone : isStorages;
    return this.#repeat<R>({ name, text: sql, values: [...values] }, mayRepeat);
  }

  tell(hints: readonly Hint[]): void {
    this.#channel.tell(hints);
  }

  lost(): void {
    this.#log.lost();
  }

  reachedFor(): number {
    return this.#log.reachedFor();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#channel.close();
    await this.#pool.end();
  }

  async #repeat<R>(query: pg.QueryConfig, mayRepeat: (error: unknown) => boolean): Promise<R[]> {
    const until = Date.now() + REPEAT_MS;
    for (let pause = 20; ; pause = Math.min(2 * pause, 500)) {
      try {
        const { rows } = await this.#pool.query(query);
        this.#log.worked();
        return rows as R[];
      } catch (error) {
        if (!isStorages(error)) throw error;
        if (!/^(40|53)/.test(codeOf(error))) this.#log.lost();
        if (this.#closed || !mayRepeat(error) || Date.now() + pause > until) throw this.#log.say(storageFailed(error));
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/**
 * Faults of the connection, the server or its disk rather than of the statement. Classes: 08 connection, 40 conflict
 * with another transaction, 53 resources, 57 operator, 58 system, XX internal. What has no SQLSTATE came from the
 * connection.
 */
function isStorages(error: unknown): boolean {
  const code = codeOf(error);
  return !/^[0-9A-Z]{5}$/.test(code) || /^(08|40|53|57|58|XX)/.test(code);
}

/** Errors after which the statement has certainly not been carried out. */
function nothingDone(error: unknown): boolean {
  return /^(40001|40P01|53|57P03|ECONNREFUSED|ENOENT)/.test(codeOf(error));
}

const versionOfServerSql = "SELECT current_setting('server_version_num')::integer AS version";

/** One connection of its own, with the lock until it ends; others wait for it. */
async function migrateAlone(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS,
    application_name: 'tessera',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ version: number }>(versionOfServerSql);
    requireVersion(url, rows[0]!.version);
    await client.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
    await migrate({
      version: async () => (await client.query<{ version: number }>(versionSql)).rows[0]!.version,
      run: (sql) => client.query(sql),
    });
  } finally {
    await client.end();
  }
}
