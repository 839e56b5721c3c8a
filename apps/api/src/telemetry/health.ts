import type { RequestHandler } from 'express';
import type { Blobs } from '@tessera/blobs';
import { isTesseraError } from '@tessera/errors';
import type { Host, HostHealth, ModelFolders } from '@tessera/host';
import type { Store } from '@tessera/store';
import type { Role } from '../role-options.ts';
import type { Overview } from './queue-facts.ts';
import { shareFor } from './share-for.ts';

export interface HealthParts {
  readonly role: Role;
  readonly store: Pick<Store, 'ready'>;
  readonly overview: Overview;
  readonly blobs: Pick<Blobs, 'ready'>;
  readonly models: Pick<ModelFolders, 'models' | 'problems'>;
  /** The models' process; null where there is none yet, or none at all in this role. */
  host(): Pick<Host, 'health' | 'target' | 'why'> | null;
  /** It is stopping: what comes now should go elsewhere. */
  draining(): boolean;
}

interface Reason {
  readonly code: string;
  readonly message: string;
}

/** Whether requests (of a worker: generations) should come here now. */
interface Readiness {
  readonly ready: boolean;
  readonly role: Role;
  /** Why not: empty where it is ready. */
  readonly reasons: readonly Reason[];
  /** What does not keep requests away, but an operator should know. */
  readonly notes: readonly Reason[];
}

/** A database that takes longer counts as one that does not answer. */
const PATIENCE_MS = 2000;
/** What is behind the network is asked once a second at most, however many probes there are. */
const FRESH_MS = 1000;

/** 200 while the process lives, with how its models are: starting it again for their sake would help nothing. */
export function sendHealth(parts: HealthParts): RequestHandler {
  const { models } = parts;
  return (_request, response) => {
    const { status, why: modelProcess } = modelHealth(parts);
    const { target = null, why = null } = parts.host() ?? {};
    const names = models.models().map(({ name }) => name);
    response
      .set('Cache-Control', 'no-store')
      .json({ status, modelProcess, target, why, models: names, problems: models.problems() });
  };
}

/** 503 with the reasons where requests should go elsewhere. */
export function sendReadiness(parts: HealthParts): RequestHandler {
  const far = shareFor(FRESH_MS, () => lookAround(parts));
  return async (_request, response) => {
    const { faults, workers } = await far();
    const draining = parts.draining() ? drains : null;
    const reasons = [draining, ...faults, modelFault(parts)].filter((reason) => reason !== null);
    const notes = workers === 0 ? [noWorker] : [];
    const found: Readiness = { ready: reasons.length === 0, role: parts.role, reasons, notes };
    response
      .status(found.ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json(found);
  };
}

function modelHealth({ role, host }: HealthParts): HostHealth {
  if (role === 'api') return { status: 'ok', why: null };
  return host()?.health() ?? { status: 'starting', why: 'The model process is being started.' };
}

function modelFault(parts: HealthParts): Reason | null {
  const { status, why } = modelHealth(parts);
  return status === 'ok' ? null : { code: `model-process-${status}`, message: why ?? 'It is not there.' };
}

/** `workers` is null where it was not asked, or not answered. */
async function lookAround({ role, store, blobs, overview }: HealthParts) {
  const [database, pictures, facts] = await Promise.all([
    faultOf(answers(store), databaseSilent),
    faultOf(blobs.ready(), picturesSilent),
    role === 'worker' ? null : overview.queue().catch(() => null),
  ]);
  return { faults: [database, pictures], workers: facts && facts.workers.filter(({ lost }) => !lost).length };
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

/** Null where the call succeeds in time; else why not, in the words of its own sentence where it has one. */
async function faultOf(call: Promise<unknown>, silent: Reason): Promise<Reason | null> {
  let timer: NodeJS.Timeout;
  const late = new Promise<Reason>((resolve) => (timer = setTimeout(() => resolve(silent), PATIENCE_MS)));
  const ended = call.then(
    () => null,
    (error: unknown) => ({ ...silent, ...(isTesseraError(error) && { message: error.message }) }),
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}
