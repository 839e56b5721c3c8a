export { startPostgres, type TestPostgres } from './postgres.ts';
export { stopClock, type TestClock } from './clock.ts';
export { enqueue, newGeneration, requestOf, roomy, stepBody, workerState } from './requests.ts';
