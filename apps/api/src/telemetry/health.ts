import type { RequestHandler } from 'express';
import type { Blobs } from '@tessera/blobs';
import { isTesseraError } from '@tessera/errors';
import type { HostHealth } from '@tessera/host';
import type { Store } from '@tessera/store';
import type { Role } from '@tessera/telemetry';
import { shareFor } from './share-for.ts';

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

/** Looks at what this process needs, once a second at most. */
export function readiness(parts: HealthParts): () => Promise<Readiness> {
  return shareFor(FRESH_MS, () => look(parts));
}

async function look(parts: HealthParts): Promise<Readiness> {
  const { role, store, blobs } = parts;
  const [database, pictures, workers] = await Promise.all([
    faultOf(answers(store), databaseSilent),
    faultOf(blobs.ready(), picturesSilent),
    // Where the database does not answer, that is said already.
    role === 'worker' ? null : store.queue.workers().catch(() => null),
  ]);
  const draining = parts.draining() ? drains : null;
  const reasons = [draining, database, pictures, modelFault(parts)].filter((reason) => reason !== null);
  return { ready: reasons.length === 0, role, reasons, notes: workers?.length === 0 ? [noWorker] : [] };
}

function modelFault({ models }: HealthParts): Reason | null {
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

async function answers(store: Pick<Store, 'ready'>): Promise<void> {
  if (!(await store.ready())) throw new Error('It does not.');
}

/** Null where the call succeeds within two seconds; else why not, in our own sentence where it has one. */
async function faultOf(call: Promise<unknown>, silent: Reason): Promise<Reason | null> {
  let timer: NodeJS.Timeout;
  const late = new Promise<Reason>((resolve) => (timer = setTimeout(() => resolve(silent), PATIENCE_MS)));
  const ended = call.then(
    () => null,
    (error: unknown) => (isTesseraError(error) ? { code: error.code, message: error.message } : silent),
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

/** 503 with the reasons where requests should go elsewhere. */
export function sendReadiness(look: () => Promise<Readiness>): RequestHandler {
  return async (_request, response) => {
    const found = await look();
    response
      .status(found.ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json(found);
  };
}
