import { cancelGeneration, createGeneration, fetchGeneration, followGeneration } from '../api/operations.ts';
import type { Generation, GenerationInput } from '../api/operations.ts';
import { isBusy, reduceGeneration, sending, type GenerationAction, type GenerationState } from './generation-state.ts';

/** What asks the server; tests give another. */
export interface RunServer {
  create(input: GenerationInput): Promise<Generation>;
  fetch(id: string): Promise<Generation>;
  cancel(id: string): Promise<void>;
  follow: typeof followGeneration;
}

const server: RunServer = {
  create: createGeneration,
  fetch: fetchGeneration,
  cancel: cancelGeneration,
  follow: followGeneration,
};

/** Between two tries to cancel while the server is away. */
const AGAIN_MS = 1000;

interface Run {
  state: GenerationState;
  /** A cancel that the server has not taken yet is sent until it does. */
  canceled: boolean;
  readonly listeners: Set<() => void>;
}

/**
 * Generations that the page follows, each with one subscription, whichever rooms show it. A run goes on in the store when
 * its room is left; only `cancel` ends it. Keys: those of `start` are the page's own, those of `show` the server's ids.
 */
export class RunStore {
  readonly #server: RunServer;
  readonly #runs = new Map<string, Run>();
  readonly #waking = new Set<Run>();
  #count = 0;

  constructor(of: RunServer = server) {
    this.#server = of;
  }

  /** Sends a request. The run that it returns exists at once, with status `sending`. */
  start(input: GenerationInput): string {
    const key = `run-${++this.#count}`;
    this.#follow(key, input.model, this.#server.create(input));
    return key;
  }

  /** Follows a generation that was made before, here or elsewhere; again where it could not be followed. */
  show(id: string): string {
    const known = this.#runs.get(id);
    if (!known || (known.state.status === 'failed' && known.state.id === null)) {
      this.#follow(id, null, this.#server.fetch(id));
    }
    return id;
  }

  /** Null where no run has this key. */
  state(key: string): GenerationState | null {
    return this.#runs.get(key)?.state ?? null;
  }

  /** Calls `changed` after changes, at most once a frame. Returns a function that ends it. */
  onChange(key: string, changed: () => void): () => void {
    const run = this.#runs.get(key);
    run?.listeners.add(changed);
    return () => void run?.listeners.delete(changed);
  }

  cancel(key: string): void {
    const run = this.#runs.get(key);
    if (!run || run.canceled || !isBusy(run.state)) return;
    run.canceled = true;
    if (run.state.id !== null) this.#sendCancel(run, run.state.id);
  }

  #follow(key: string, model: string | null, load: Promise<Generation>): void {
    const before = this.#runs.get(key);
    const run: Run = { state: sending(model), canceled: false, listeners: before?.listeners ?? new Set() };
    this.#runs.set(key, run);
    this.#wake(run);
    const tell = (action: GenerationAction) => {
      run.state = reduceGeneration(run.state, action);
      this.#wake(run);
    };
    const failed = ({ message }: Error) => tell({ type: 'error', message });
    load.then((generation) => {
      tell({ type: 'follow', generation });
      if (run.canceled) this.#sendCancel(run, generation.id);
      this.#server.follow(generation.id, {
        onEvent: (event) => tell({ type: 'event', event }),
        onError: (message) => failed(new Error(message)),
      });
    }, failed);
  }

  #sendCancel(run: Run, id: string): void {
    this.#server.cancel(id).catch(() => {
      setTimeout(() => isBusy(run.state) && this.#sendCancel(run, id), AGAIN_MS);
    });
  }

  /** Many events come at once: rooms are drawn once for all of them. */
  #wake(run: Run): void {
    if (this.#waking.has(run)) return;
    this.#waking.add(run);
    setTimeout(() => {
      this.#waking.delete(run);
      for (const changed of run.listeners) changed();
    }, 16);
  }
}
