import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { TesseraError } from '@tessera/errors';
import { databaseUnusable } from './database-unusable.ts';
import type { Engine, Statement } from './engine.ts';
import { migrate, versionSql } from './migrate.ts';
import { preparedOf } from './prepared.ts';
import { codeOf, FailureLog, storageFailed, type Report } from './storage-failed.ts';

/** How long a broken database rests before it is opened again: opening keeps the event loop busy for half a second. */
const REST_MS = 1000;

/**
 * Opens the database of a data directory, which the caller has locked, and brings its tables up to date.
 * @throws TesseraError `database-too-new` where a newer Tessera has written it, `database-unusable`
 */
export async function openPglite(directory: string, report: Report = console.error): Promise<Engine> {
  const folder = join(directory, 'database');
  const fresh = !existsSync(folder);
  const open = () => openOnce(folder);
  const first = await open().catch((error: TesseraError) => {
    const refusal = error.code === 'storage-failed' ? databaseUnusable(folder, error.cause) : error;
    // Half a database would be in the way of the next start.
    if (fresh) rmSync(folder, { recursive: true, force: true });
    throw refusal;
  });
  return new PgliteEngine(first, open, report);
}

/**
 * PGlite behind a door of its own. After a PANIC of PostgreSQL (no room for its log) the next call of PGlite never
 * returns, and takes the event loop with it. So calls go in one by one, a broken instance is left alone, and the next
 * call opens another, which recovers from the log as after a power cut.
 */
class PgliteEngine implements Engine {
  readonly kind = 'pglite';
  #pglite: PGlite | null;
  readonly #open: () => Promise<PGlite>;
  #last: Promise<unknown> = Promise.resolve();
  /** Time from which a broken database may be opened again, in milliseconds. */
  #restsUntil = 0;
  readonly #log: FailureLog;
  #closed = false;

  constructor(pglite: PGlite, open: () => Promise<PGlite>, report: Report) {
    this.#log = new FailureLog(report);
    this.#pglite = pglite;
    this.#open = open;
  }

  query<R>(sql: string, values: readonly unknown[] = []): Promise<{ readonly rows: R[] }> {
    return this.#inTurn(async () => {
      const pglite = (this.#pglite ??= await this.#openAgain());
      return this.#watch(pglite.query<R>(sql, [...values]));
    });
  }

  run<R>(statement: Statement, values: readonly unknown[] = []): Promise<R[]> {
    return this.#inTurn(async () => {
      const pglite = (this.#pglite ??= await this.#openAgain());
      return this.#watch(preparedOf(pglite).run<R>(statement, values));
    });
  }

  async #watch<T>(answer: Promise<T>): Promise<T> {
    try {
      const result = await answer;
      this.#log.worked();
      return result;
    } catch (error) {
      if (breaks(error)) this.#leave();
      throw isMediums(error) ? this.#log.say(storageFailed(error)) : error;
    }
  }

  tell(): void {
    // There is no other process.
  }

  lost(): void {
    this.#log.lost();
  }

  reachedFor(): number {
    return this.#log.reachedFor();
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#closed = true;
      await this.#pglite?.close();
      this.#pglite = null;
    });
  }

  /** A statement keeps the event loop busy until it ends: between two of them everything else gets its turn. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.then(eventLoopTurn, eventLoopTurn);
    return mine;
  }

  async #openAgain(): Promise<PGlite> {
    if (this.#closed || Date.now() < this.#restsUntil) throw storageFailed();
    try {
      return await this.#open();
    } catch (error) {
      this.#leave();
      throw this.#log.say(error as Error);
    }
  }

  #leave(): void {
    this.#log.lost();
    this.#pglite = null;
    this.#restsUntil = Date.now() + REST_MS;
  }
}

const eventLoopTurn = () => new Promise<void>(setImmediate);

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
  return breaks(error) || /^(53|58|XX)/.test(codeOf(error));
}

async function openOnce(directory: string): Promise<PGlite> {
  let pglite: PGlite | undefined;
  try {
    const opened = await PGlite.create(directory);
    pglite = opened;
    await opened.exec('SET plan_cache_mode = force_generic_plan');
    await migrate({
      version: async () => (await opened.query<{ version: number }>(versionSql)).rows[0]!.version,
      // Statements that are sent together are one transaction.
      run: (sql) => opened.exec(sql),
    });
    return pglite;
  } catch (error) {
    if (pglite && !breaks(error)) await pglite.close();
    throw error instanceof TesseraError ? error : storageFailed(error);
  }
}
