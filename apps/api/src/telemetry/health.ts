import type { RequestHandler } from 'express';
import type { Blobs } from '@tessera/blobs';
import { isTesseraError } from '@tessera/errors';
import type { HostHealth } from '@tessera/host';
import type { Store } from '@tessera/store';
import type { Role } from '@tessera/telemetry';

export interface HealthParts {
  readonly role: Role;
  readonly store: Pick<Store, 'ready' | 'queue'>;
  readonly blobs: Pick<Blobs, 'ready'>;
  /** Of the models' process; null where this process has none. */
  readonly models: (() => HostHealth) | null;
  /** It is stopping: what comes now should go elsewhere. */
  draining(): boolean;
}

/** Whether requests (of a worker: generations) should come here now. */
export interface Readiness {
  readonly ready: boolean;
  readonly role: Role;
  /** Why not: empty where it is ready. */
  readonly reasons: readonly Reason[];
  /** What does not keep requests away, but an operator should know. */
  readonly notes: readonly Reason[];
}

interface Reason {
  readonly code: string;
  readonly message: string;
}

/** A database that takes longer counts as one that does not answer. */
const PATIENCE_MS = 2000;
/** Probes of everybody together look so often at most. */
const FRESH_MS = 1000;

/** Looks at what this process needs; calls within a second share one look. */
export function readiness(parts: HealthParts): () => Promise<Readiness> {
  let last: { readonly at: number; readonly found: Promise<Readiness> } | null = null;
  return () => {
    const now = performance.now();
    if (!last || now - last.at > FRESH_MS) last = { at: now, found: look(parts) };
    return last.found;
  };
}

async function look(parts: HealthParts): Promise<Readiness> {
  const { role, store, blobs } = parts;
  const [database, pictures, workers] = await Promise.all([
    inTime(store.ready().then((ready) => (ready ? null : databaseSilent))).then(orElse(databaseSilent)),
    inTime(blobs.ready().then(() => null)).then(orElse(picturesSilent)),
    role === 'worker' ? 1 : inTime(store.queue.workers().then(({ length }) => length)).then(orElse(null)),
  ]);
  const draining = parts.draining() ? drains : null;
  const reasons = [draining, database, pictures, modelReason(parts)].filter((reason) => reason !== null);
  return { ready: reasons.length === 0, role, reasons, notes: workers === 0 ? [noWorker] : [] };
}

function modelReason({ models }: HealthParts): Reason | null {
  const health = models?.() ?? { status: 'ok', why: null };
  if (health.status === 'ok') return null;
  return { code: `model-process-${health.status}`, message: health.why ?? 'The model process is not there.' };
}

const databaseSilent = { code: 'database-silent', message: 'The database does not answer.' };
const picturesSilent = { code: 'blobs-silent', message: 'The storage of pictures does not answer.' };
const drains = { code: 'draining', message: 'This process is stopping.' };
const noWorker = {
  code: 'no-worker',
  message: 'No worker is running: generations are accepted, and wait until one starts.',
};

type Outcome<T> = { readonly value: T } | { readonly error: unknown } | 'late';

/** How a call ended, within two seconds. */
async function inTime<T>(call: Promise<T>): Promise<Outcome<T>> {
  let timer: NodeJS.Timeout;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), PATIENCE_MS)));
  const ended = call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

/** The value of a call; what it threw, where that is a sentence of ours; else this. */
function orElse<T, R extends Reason | null>(otherwise: R): (outcome: Outcome<T>) => T | Reason | R {
  return (outcome) => {
    if (outcome === 'late') return otherwise;
    if ('value' in outcome) return outcome.value;
    return otherwise && isTesseraError(outcome.error) ? reasonOf(outcome.error) : otherwise;
  };
}

function reasonOf({ code, message }: { readonly code: string; readonly message: string }): Reason {
  return { code, message };
}

/** 503 with the reasons where requests should go elsewhere. */
export function sendReadiness(look: () => Promise<Readiness>): RequestHandler {
  return async (_request, response) => {
    const found = await look();
    response.status(found.ready ? 200 : 503).set('Cache-Control', 'no-store').json(found);
  };
}
