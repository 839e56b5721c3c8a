import type { RequestHandler } from 'express';
import { Gauge, Registry } from 'prom-client';
import { logError, registry } from '@tessera/telemetry';
import { workerStatus, type Overview, type QueueFacts } from './queue-facts.ts';

/**
 * Everything that this process has counted, and how the queue of the whole service is, in the text format of Prometheus.
 * Where the database does not answer, the process' own numbers are what is wanted most.
 */
export function sendMetrics(overview: Pick<Overview, 'queue'>): RequestHandler {
  const queue = new QueueGauges();
  return async (_request, response) => {
    try {
      queue.set(await overview.queue());
    } catch (error) {
      logError('the metrics of the queue are left out', error);
      queue.clear();
    }
    const text = `${await registry.metrics()}${await queue.registry.metrics()}`;
    response.set('Content-Type', registry.contentType).set('Cache-Control', 'no-store').send(text);
  };
}

/** Every replica gives the same numbers: queries take their maximum, not their sum. */
class QueueGauges {
  readonly registry = new Registry();
  readonly #up = this.#gauge('tessera_database_up', 'Whether the database answered this request: 1 or 0.');
  readonly #waiting = this.#gauge('tessera_queue_waiting', 'Generations that wait.', 'model');
  readonly #running = this.#gauge('tessera_queue_running', 'Generations that run.', 'model');
  readonly #oldest = this.#gauge(
    'tessera_queue_oldest_seconds',
    'How long the oldest that waits has waited; 0 where none waits.',
    'model',
  );
  readonly #workers = this.#gauge('tessera_workers', 'Workers that the database knows.', 'state');
  readonly #able = this.#gauge('tessera_workers_with_model', 'Ready workers that can run the model.', 'model');
  readonly #loaded = this.#gauge('tessera_workers_with_model_loaded', 'Those of them that have it in memory.', 'model');

  set({ queue, workers }: QueueFacts): void {
    this.clear();
    this.#up.set(1);
    const states = workers.map(workerStatus);
    for (const state of ['ready', 'draining', 'unwell', 'lost']) {
      this.#workers.set({ state }, states.filter((one) => one === state).length);
    }
    const names = workers.flatMap((worker) => worker.models.map(({ name }) => name));
    const offered = workers.filter((one) => workerStatus(one) === 'ready').flatMap((worker) => worker.models);
    for (const model of new Set([...names, ...queue.map((share) => share.model)])) {
      const able = offered.filter(({ name }) => name === model);
      const shares = queue.filter((share) => share.model === model);
      this.#waiting.set({ model }, sum(shares.map(({ waiting }) => waiting)));
      this.#running.set({ model }, sum(shares.map(({ running }) => running)));
      this.#oldest.set({ model }, Math.max(0, ...shares.map(({ oldest }) => oldest ?? 0)));
      this.#able.set({ model }, able.length);
      this.#loaded.set({ model }, able.filter(({ loaded }) => loaded).length);
    }
  }

  clear(): void {
    this.registry.resetMetrics();
    this.#up.set(0);
  }

  #gauge<L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
