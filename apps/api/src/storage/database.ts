import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { printable, TesseraError } from '@tessera/errors';
import { databaseUnusable } from './data-directory.ts';

/** The database's history: each entry runs once, in order, and is never changed after it has shipped. */
const migrations: readonly string[] = [
  `CREATE TABLE generation (
     ordinal serial UNIQUE,
     id uuid PRIMARY KEY,
     model text NOT NULL,
     request jsonb NOT NULL,
     state text NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'failed', 'canceled')),
     last_seq integer NOT NULL DEFAULT 0,
     images jsonb NOT NULL DEFAULT '[]',
     failure jsonb,
     created_at timestamptz NOT NULL DEFAULT now(),
     finished_at timestamptz
   );
   CREATE INDEX generation_open ON generation (ordinal) WHERE state IN ('queued', 'running');
   CREATE TABLE event (
     generation_id uuid NOT NULL REFERENCES generation (id) ON DELETE CASCADE,
     seq integer NOT NULL,
     kind text NOT NULL,
     payload jsonb NOT NULL,
     at timestamptz NOT NULL DEFAULT clock_timestamp(),
     PRIMARY KEY (generation_id, seq)
   );`,
  `CREATE TABLE upload (
     id text PRIMARY KEY,
     height integer NOT NULL,
     width integer NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now()
   );`,
  // Images with a condition each in the place of one label each (-1 was no class).
  `UPDATE generation SET request = (request - 'labels') || jsonb_build_object('images', (
     SELECT jsonb_agg(
       jsonb_build_object('condition', CASE label WHEN '-1'
         THEN jsonb_build_object('kind', 'none')
         ELSE jsonb_build_object('kind', 'class', 'label', label)
       END) ORDER BY place)
     FROM jsonb_array_elements(request -> 'labels') WITH ORDINALITY AS one (label, place)
   ))
   WHERE request ? 'labels';`,
  `CREATE TABLE api_key (
     id uuid PRIMARY KEY,
     hash text NOT NULL UNIQUE,
     prefix text NOT NULL,
     tenant text NOT NULL CHECK (tenant <> ''),
     name text NOT NULL CHECK (name <> ''),
     admin boolean NOT NULL,
     limits jsonb NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now(),
     used_at timestamptz,
     revoked_at timestamptz
   );
   CREATE UNIQUE INDEX api_key_name ON api_key (tenant, name) WHERE revoked_at IS NULL;
   CREATE TABLE server_secret (name text PRIMARY KEY, value text NOT NULL);
   CREATE TABLE quota (key varchar(255) PRIMARY KEY, points double precision NOT NULL, expire bigint);`,
];

export interface QueryResult<R> {
  readonly rows: R[];
}

/** PostgreSQL, one statement at a time: what has to change together is one statement. */
export interface Database {
  /**
   * Runs one statement.
   * @throws TesseraError `storage-failed` where the medium or the database itself failed: it may have been carried out
   */
  query<R>(sql: string, values?: readonly unknown[]): Promise<QueryResult<R>>;
  close(): Promise<void>;
}

/** How long a broken database rests before it is opened again: opening keeps the event loop busy for half a second. */
const REST_MS = 1000;

/**
 * Opens the database of a data directory, which the caller has locked, and brings its tables up to date.
 * @throws TesseraError `database-too-new` where a newer Tessera has written it, `database-unusable`
 */
export async function openDatabase(directory: string): Promise<Database> {
  const folder = join(directory, 'database');
  const fresh = !existsSync(folder);
  const open = () => openPglite(folder);
  const first = await open().catch((error: TesseraError) => {
    const refusal = error.code === 'storage-failed' ? databaseUnusable(folder, error.cause) : error;
    // Half a database would be in the way of the next start.
    if (fresh) rmSync(folder, { recursive: true, force: true });
    throw refusal;
  });
  return new EmbeddedDatabase(first, open);
}

/**
 * PGlite behind a door of its own. After a PANIC of PostgreSQL (no room for its log) the next call of PGlite never
 * returns, and takes the event loop with it. So calls go in one by one, a broken instance is left alone, and the next
 * call opens another, which recovers from the log as after a power cut.
 */
class EmbeddedDatabase implements Database {
  #pglite: PGlite | null;
  readonly #open: () => Promise<PGlite>;
  #last: Promise<unknown> = Promise.resolve();
  /** Time from which a broken database may be opened again, in milliseconds. */
  #restsUntil = 0;
  #said: string | null = null;
  #closed = false;

  constructor(pglite: PGlite, open: () => Promise<PGlite>) {
    this.#pglite = pglite;
    this.#open = open;
  }

  query<R>(sql: string, values: readonly unknown[] = []): Promise<QueryResult<R>> {
    return this.#inTurn(async () => {
      const pglite = (this.#pglite ??= await this.#openAgain());
      try {
        const result = await pglite.query<R>(sql, [...values]);
        this.#said = null;
        return result;
      } catch (error) {
        if (breaks(error)) this.#leave();
        throw isMediums(error) ? this.#say(storageFailed(error)) : error;
      }
    });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#closed = true;
      await this.#pglite?.close();
      this.#pglite = null;
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #openAgain(): Promise<PGlite> {
    if (this.#closed || Date.now() < this.#restsUntil) throw storageFailed();
    try {
      return await this.#open();
    } catch (error) {
      this.#leave();
      throw this.#say(error as Error);
    }
  }

  /** Tells the operator why, once: every call fails alike until there is room. */
  #say<E extends Error>(error: E): E {
    const { message } = (error.cause ?? error) as Error;
    if (message !== this.#said) console.error(printable(`[api] storage failed: ${message}`));
    this.#said = message;
    return error;
  }

  #leave(): void {
    this.#pglite = null;
    this.#restsUntil = Date.now() + REST_MS;
  }
}

/** True for errors after which PostgreSQL would end its process, and for those of WebAssembly itself. */
function breaks(error: unknown): boolean {
  const { severity, name } = error as { severity?: unknown; name?: unknown };
  return (
    severity === 'PANIC' ||
    severity === 'FATAL' ||
    // Of WebAssembly, and Emscripten's end of a program.
    name === 'RuntimeError' ||
    name === 'ExitStatus'
  );
}

/** PostgreSQL's classes 53 (resources), 58 (system) and XX (internal), and whatever breaks it. */
function isMediums(error: unknown): boolean {
  return breaks(error) || /^(53|58|XX)/.test(String((error as { code?: unknown }).code));
}

async function openPglite(directory: string): Promise<PGlite> {
  let pglite: PGlite | undefined;
  try {
    pglite = await PGlite.create(directory);
    await migrate(pglite);
    return pglite;
  } catch (error) {
    if (pglite && !breaks(error)) await pglite.close();
    throw error instanceof TesseraError ? error : storageFailed(error);
  }
}

async function migrate(pglite: PGlite): Promise<void> {
  await pglite.exec('CREATE TABLE IF NOT EXISTS migration (version integer PRIMARY KEY)');
  const { rows } = await pglite.query<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM migration',
  );
  const done = rows[0]!.version;
  if (done > migrations.length) throw tooNew(done);
  for (const [index, sql] of migrations.entries()) {
    // Statements that are sent together are one transaction.
    if (index >= done) await pglite.exec(`${sql} INSERT INTO migration (version) VALUES (${index + 1});`);
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

/** Error `storage-failed`: the data directory did not take or give something. What it is lies in its cause. */
export function storageFailed(cause?: unknown): TesseraError {
  return new TesseraError({
    code: 'storage-failed',
    who: 'api',
    got: 'an error of its storage',
    expected: 'room and permission in the data directory',
    next: "Look at the server's output, then send it again.",
    cause,
  });
}
