export { startReaper } from './reaper.ts';
export { startWorker, type Worker, type WorkerParts } from './worker.ts';
export type { WorkerOptions } from './worker-options.ts';
