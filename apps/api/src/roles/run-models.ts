import { startHost, type Host, type ModelFolders } from '@tessera/host';
import { log } from '@tessera/telemetry';
import { startWorker, type Worker } from '@tessera/worker';
import type { ServerOptions } from '../server-options.ts';
import type { Storage } from '../storage/open-storage.ts';
import type { Undo } from '../undo.ts';

export interface RunningModels {
  readonly host: Host;
  readonly worker: Worker;
}

/** Starts the models' process, and takes up what the queue holds. Its end hands over what runs. */
export async function runModels(
  options: ServerOptions,
  { storage: { store, blobs }, models }: { readonly storage: Storage; readonly models: ModelFolders },
  undo: Undo,
): Promise<RunningModels> {
  // Tessera's own parts print there only what an operator should see.
  const print = (line: string) => log.warn({ process: 'models' }, line);
  const host = await startHost({ print, ...options, described: models });
  undo.add(() => host.dispose());
  const { maxBatch, maxDelayMs, report = (line: string) => log.warn(line) } = options;
  const worker = startWorker({ store, host, blobs, options: { maxBatch, maxDelayMs, report } });
  undo.add(() => worker.drain());
  return { host, worker };
}
