import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { hostname } from 'node:os';
import process from 'node:process';
import type { Blobs } from '@tessera/blobs';
import type { Store, WorkerState } from '@tessera/store';
import type { Host } from '@tessera/host';
import { Batches } from './batches.ts';
import { startBeats } from './beats.ts';
import { Claims } from './claims.ts';
import { pause, Pauses, untilDone } from './pauses.ts';
import { onceInARow, wordsOf } from './reports.ts';
import { defaultWorkerOptions, type WorkerOptions } from './worker-options.ts';

export interface WorkerParts {
  readonly store: Store;
  readonly host: Host;
  readonly blobs: Pick<Blobs, 'put' | 'fileOf'>;
  readonly options?: Partial<WorkerOptions>;
}

/** Runs what the queue holds, until it is told to end. */
export interface Worker {
  readonly id: string;
  /** As it tells it at each beat. */
  state(): WorkerState;
  /**
   * Takes up nothing more and ends in order: the batch that runs ends soon or stops at its next step, what was made is
   * written, and what has not ended goes back to the queue. Never throws: what it cannot hand over, others take.
   */
  drain(): Promise<void>;
}

export function startWorker({ options, ...parts }: WorkerParts): Worker {
  return new QueueWorker({ ...parts, options: { ...defaultWorkerOptions, ...options } });
}

class QueueWorker implements Worker {
  readonly id = randomUUID();
  readonly #parts: Required<WorkerParts> & { readonly options: WorkerOptions };
  readonly #claims: Claims;
  readonly #batches: Batches;
  readonly #draining = new AbortController();
  readonly #loop: Promise<void>;
  readonly #starts = new Pauses();
  #beats: { stop(): Promise<void> } | null = null;
  #wake: () => void = () => undefined;
  #drained: Promise<void> | null = null;

  constructor(parts: Required<WorkerParts> & { readonly options: WorkerOptions }) {
    this.#parts = parts;
    this.#claims = new Claims({ ...parts, worker: this.id, leave: (id) => this.#batches.leave(id) });
    this.#batches = new Batches({ ...parts, claims: this.#claims });
    this.#loop = this.#work();
  }

  state(): WorkerState {
    const { host } = this.#parts;
    const loaded = host.loaded();
    const running = this.#claims.held.map(({ request }) => request.model);
    return {
      target: host.target,
      draining: this.#draining.signal.aborted,
      models: this.#batches.models.map((name) => ({
        name,
        loaded: loaded.includes(name),
        running: running.filter((one) => one === name).length,
        millisecondsPerImage: this.#batches.speeds.of(name),
      })),
      health: host.health(),
      memoryBytes: host.memoryBytes,
    };
  }

  drain(): Promise<void> {
    return (this.#drained ??= this.#drain());
  }

  async #drain(): Promise<void> {
    const { store, options } = this.#parts;
    this.#draining.abort();
    this.#wake();
    await Promise.race([this.#loop, pause(options.finishMs)]);
    this.#batches.stop();
    await Promise.race([this.#loop.then(() => this.#claims.empty()), pause(options.flushMs)]);
    this.#claims.close();
    await this.#beats?.stop();
    await store.queue.unregister(this.id).catch((error: unknown) => {
      options.report(
        `[worker] could not take its leave: ${wordsOf(error)}. What it ran goes on elsewhere after its lease.`,
      );
    });
  }

  /** Until it drains. */
  async #work(): Promise<void> {
    const { store, options } = this.#parts;
    const { signal } = this.#draining;
    await this.#register();
    this.#beats = startBeats({
      queue: store.queue,
      worker: this.id,
      state: () => this.state(),
      claims: this.#claims,
      report: options.report,
    });
    const forget = store.onHint(({ kind, id }) => {
      if (kind === 'cancel') this.#claims.cancel(id);
      if (kind !== 'queue') return;
      this.#batches.more();
      this.#wake();
    });
    while (!signal.aborted) await this.#turn();
    forget();
    await this.#batches.end();
  }

  async #register(): Promise<void> {
    const { store, options } = this.#parts;
    const name = `${hostname()} ${process.pid}`;
    const report = onceInARow(options.report);
    const failed = (error: unknown) => report(`[worker] cannot reach the database: ${wordsOf(error)}`);
    const register = () => store.queue.register({ id: this.id, name, state: this.state() });
    await untilDone(register, failed, this.#draining.signal);
  }

  /** Runs a batch, or waits until there may be one. What cannot be written does not become more. */
  async #turn(): Promise<void> {
    const { pollMs, backlogBytes } = this.#parts.options;
    const told = new Promise<void>((resolve) => (this.#wake = resolve));
    // What it cannot run, other workers can.
    if (!this.#isWell()) return this.#recover();
    this.#starts.reset();
    const crowded = this.#claims.failing > 0 || this.#claims.bytes > backlogBytes / 2;
    if (crowded) await pause(CROWDED_MS, this.#draining.signal);
    else if (!(await this.#batches.next())) await Promise.race([told, pause(pollMs)]);
  }

  #isWell(): boolean {
    return this.#parts.host.health().status === 'ok';
  }

  /** Until the models' process is there, one try after the other. */
  async #recover(): Promise<void> {
    const { signal } = this.#draining;
    const tried = new AbortController();
    const drained = once(signal, 'abort', { signal: tried.signal }).catch(() => undefined);
    await Promise.race([this.#parts.host.startAgain(), drained]);
    tried.abort();
    if (!this.#isWell()) await pause(this.#starts.next(), signal);
  }
}

/** How long it waits before it looks again whether there is room. */
const CROWDED_MS = 50;
