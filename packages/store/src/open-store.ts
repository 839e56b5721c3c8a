import { TesseraError } from '@tessera/errors';
import type { Engine } from './database/engine.ts';
import type { HintListener } from './database/hint-channel.ts';
import { openPglite } from './database/pglite-engine.ts';
import { openPostgres } from './database/postgres-engine.ts';
import { generationRecords } from './generations.ts';
import { pictureRecords } from './pictures.ts';
import { workQueue } from './queue/work-queue.ts';
import type { Hint, Store } from './store.ts';

/** A worker beats every two seconds: two beats may be late before it counts as dead. */
const LEASE_MS = 6000;

export interface StoreOptions {
  /** Of a PostgreSQL server: `postgres://user:password@host:port/database`. */
  readonly url?: string;
  /** Without `url`: a folder for PGlite, which the caller has locked for this process. */
  readonly directory?: string;
  /** The same in all processes of one database. */
  readonly leaseMs?: number;
  /** The connection that receives hints was lost and is there again. */
  readonly onReconnect?: () => void;
  /** Takes a line for the operator; standard error where left out. */
  readonly report?: (line: string) => void;
}

/**
 * Opens the database and brings its tables up to date.
 * @throws TesseraError `database-url-invalid`, `database-refused`, `database-missing`, `database-unreachable`, `database-unusable`,
 * `database-too-old`, `database-too-new`
 */
export async function openStore({
  leaseMs = LEASE_MS,
  onReconnect = () => undefined,
  report = console.error,
  ...where
}: StoreOptions): Promise<Store> {
  const listeners = new Set<(hint: Hint) => void>();
  const onHint = (hint: Hint) => listeners.forEach((listener) => listener(hint));
  const engine = await openEngine(where, { onHint, onReconnect, report });
  return storeOn(engine, { leaseMs, listeners });
}

/** `listeners` are those that the engine tells what other processes say. */
export function storeOn(
  engine: Engine,
  { leaseMs, listeners }: { readonly leaseMs: number; readonly listeners: Set<(hint: Hint) => void> },
): Store {
  const tell = (hints: readonly Hint[]) => {
    if (hints.length === 0) return;
    for (const listener of listeners) hints.forEach((hint) => listener(hint));
    engine.tell(hints);
  };
  const ready = () => engine.query('SELECT 1').then(...([() => true, () => false] as const));
  return {
    kind: engine.kind,
    generations: generationRecords({ engine, leaseMs, tell }),
    queue: workQueue({ engine, leaseMs, tell }),
    pictures: pictureRecords(engine),
    database: { query: (sql, values) => engine.query(sql, values) },
    onHint(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ready,
    close: () => engine.close(),
  };
}

async function openEngine(
  { url, directory }: Pick<StoreOptions, 'url' | 'directory'>,
  listener: HintListener & { readonly report: (line: string) => void },
): Promise<Engine> {
  if (url !== undefined) return openPostgres(url, listener);
  if (directory !== undefined) return openAlone(directory, listener.report);
  throw new TesseraError({
    code: 'database-not-named',
    who: 'store',
    got: 'neither the URL of a database nor a folder',
    expected: 'one of them',
    next: 'Set DATABASE_URL or TESSERA_DATA.',
  });
}

/** PGlite has one process: whatever a worker of an earlier one ran is free at once. */
async function openAlone(directory: string, report: (line: string) => void): Promise<Engine> {
  const engine = await openPglite(directory, report);
  await engine.query('DELETE FROM worker');
  return engine;
}
