import type { RequestHandler } from 'express';
import type { Blobs } from '@tessera/blobs';
import { isTesseraError, printable } from '@tessera/errors';
import type { Host, HostHealth, ModelFolders } from '@tessera/host';
import type { Store } from '@tessera/store';
import type { Role } from '../role-options.ts';
import { workersWith, type Overview, type QueueFacts } from './queue-facts.ts';
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
    const { faults, notes } = await far();
    const draining = parts.draining() ? drains : null;
    const reasons = [draining, ...faults, modelFault(parts)].filter((reason) => reason !== null);
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

/** There are no notes where the database was not asked, or did not answer. */
async function lookAround({ role, store, blobs, overview, models }: HealthParts) {
  const [database, pictures, facts] = await Promise.all([
    faultOf(answers(store), databaseSilent),
    faultOf(blobs.ready(), picturesSilent),
    role === 'worker' ? null : overview.queue().catch(() => null),
  ]);
  return { faults: [database, pictures], notes: facts ? notesOf(facts, models) : [] };
}

/** What is accepted here and cannot begin now. */
function notesOf({ queue, workers }: QueueFacts, models: HealthParts['models']): readonly Reason[] {
  if (workers.every(({ lost }) => lost)) return [noWorker];
  const wanted = [...models.models().map(({ name }) => name), ...queue.map(({ model }) => model)];
  const idle = [...new Set(wanted)].filter((name) => workersWith(name, workers) === 0);
  return idle.length > 0 ? [withoutWorker(idle)] : [];
}

const databaseSilent = { code: 'database-silent', message: 'The database does not answer.' };
const picturesSilent = { code: 'blobs-silent', message: 'The storage of pictures does not answer.' };
const drains = { code: 'draining', message: 'This process is stopping.' };
const noWorker = {
  code: 'no-worker',
  message: 'No worker is running: generations are accepted, and wait until one starts.',
};

function withoutWorker(models: readonly string[]): Reason {
  const names = models.slice(0, 10).map((name) => printable(name, 120));
  const more = models.length > names.length ? ` and ${models.length - names.length} more` : '';
  const message = `No ready worker has ${names.join(', ')}${more}: generations of them are accepted, and wait until one does.`;
  return { code: 'no-worker-for-model', message };
}

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
