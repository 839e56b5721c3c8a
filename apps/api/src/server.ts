import { describeFolders, type Host, type ModelFolders } from '@tessera/host';
import { log, logError } from '@tessera/telemetry';
import { startReaper, type Worker } from '@tessera/worker';
import { decideAuth } from './guard/guard-options.ts';
import { openDoors, type Doors } from './roles/doors.ts';
import { runModels, type RunningModels } from './roles/run-models.ts';
import { defaultOptions, type ServerOptions } from './server-options.ts';
import { openStorage } from './storage/open-storage.ts';
import { openOperatorsPort, operatorsRoutes } from './telemetry/operators-port.ts';
import { openOverview } from './telemetry/queue-facts.ts';
import { Undo } from './undo.ts';

export interface RunningServer {
  /** Empty of a worker, which takes no requests. */
  readonly url: string;
  /** Where metrics and probes are on a port of their own; empty where they are not. */
  readonly metrics: string;
  /** Host names under which it answers; null is any. */
  readonly hosts: readonly string[] | null;
  readonly models: ModelFolders;
  /** The models' process; null of a server that runs none. */
  readonly host: Host | null;
  readonly worker: Worker | null;
  /** Ends everything in order. What is queued or runs goes on elsewhere, or at the next start. */
  close(): Promise<void>;
}

/**
 * Starts what its role says: the doors, a worker, or both. The doors answer before the models' process is up. What is left
 * out comes from `defaultOptions`.
 * @throws TesseraError `database-required`, `data-directory-in-use`, `data-directory-unusable`, `auth-undecided`,
 * `address-in-use`, `address-unusable`, `model-process-failed`, and as `openStore`
 */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const undo = new Undo();
  try {
    return await start({ ...defaultOptions(), ...options }, undo);
  } catch (error) {
    // Why it did not start is what counts; what could not be undone is said beside it.
    await undo.run().catch((failure: unknown) => logError('a part of a server that did not start stays open', failure));
    throw error;
  }
}

async function start(options: ServerOptions, undo: Undo): Promise<RunningServer> {
  const { role, report = (line) => log.warn(line) } = options;
  const auth = role === 'worker' ? 'off' : decideAuth(options.auth, options.address);
  const storage = await openStorage(options, undo);
  const reaper = startReaper({ store: storage.store, report });
  undo.add(() => reaper.stop());
  const models = await describeFolders(options.modelFolders, options.config ?? null);
  let running: RunningModels | null = null;
  let draining = false;
  const none: Doors = { url: '', hosts: null };
  const host = () => running?.host ?? null;
  const overview = openOverview(storage.store);
  const operators = operatorsRoutes({ role, ...storage, overview, models, host, draining: () => draining });
  const { metricsPort, address } = options;
  const metrics = metricsPort === null ? '' : await openOperatorsPort(operators, { port: metricsPort, address }, undo);
  const doorsParts = { storage, models, auth, overview, operators };
  const doors = role === 'worker' ? none : await openDoors(options, doorsParts, undo);
  if (role !== 'api') running = await runModels(options, { storage, models }, undo);
  const { worker = null } = running ?? {};
  const close = () => {
    draining = true;
    return undo.run();
  };
  return { ...doors, metrics, models, host: host(), worker, close };
}
