import {
  cancelGeneration,
  createGeneration,
  fetchGeneration,
  followGeneration,
  retryGeneration,
} from '../api/operations.ts';
import type { Generation, GenerationInput } from '../api/operations.ts';
import { isBusy, reduceGeneration, sending, type GenerationAction, type GenerationState } from './generation-state.ts';

/** What asks the server; tests give another. */
export interface RunServer {
  create(input: GenerationInput): Promise<Generation>;
  fetch(id: string): Promise<Generation>;
  retry(id: string): Promise<Generation>;
  cancel(id: string): Promise<void>;
  follow: typeof followGeneration;
}

const server: RunServer = {
  create: createGeneration,
  fetch: fetchGeneration,
  retry: retryGeneration,
  cancel: cancelGeneration,
  follow: followGeneration,
};

/** Between two tries to cancel while the server is away. */
const AGAIN_MS = 1000;

interface Run {
  state: GenerationState;
  /** A cancel that the server has not taken yet is sent until it does. */
  canceled: boolean;
  /** It could not be asked for or followed, as with a key that was revoked: nothing is known of its end. */
  isLost: boolean;
  /** What was sent; null of those that were made before. */
  readonly input: GenerationInput | null;
  readonly listeners: Set<() => void>;
}

interface Asked {
  readonly model: string | null;
  readonly input: GenerationInput | null;
}

/**
 * Generations that the page follows, each with one subscription, whichever rooms show it. A run goes on in the store when
 * its room is left; only `cancel` ends it. Keys: those of `start` are the page's own, those of `show` the server's ids.
 */
export class RunStore {
  readonly #server: RunServer;
  readonly #runs = new Map<string, Run>();
  readonly #waking = new Set<Run>();
  readonly #startListeners = new Set<() => void>();
  #started: readonly string[] = [];

  constructor(of: RunServer = server) {
    this.#server = of;
  }

  /** Sends a request. The run that it returns exists at once, with status `sending`. */
  start(input: GenerationInput): string {
    return this.#begin(this.#server.create(input), { model: input.model, input });
  }

  /** Makes what a run was to make once more, the same images. Null where there is no such run. */
  again(key: string): string | null {
    const run = this.#runs.get(key);
    if (run?.state.id)
      return this.#begin(this.#server.retry(run.state.id), { model: run.state.model, input: run.input });
    return run?.input ? this.start(run.input) : null;
  }

  /** What this page has started, in any room, the newest first. */
  started(): readonly string[] {
    return this.#started;
  }

  /** Calls `changed` when a run is started. Returns a function that ends it. */
  onStart(changed: () => void): () => void {
    this.#startListeners.add(changed);
    return () => void this.#startListeners.delete(changed);
  }

  /** Follows a generation that was made before, here or elsewhere; again where it could not be followed. Returns its key. */
  show(id: string): string {
    const key = this.#started.find((one) => this.#runs.get(one)!.state.id === id) ?? id;
    const known = this.#runs.get(key);
    if (!known || known.isLost) {
      this.#follow(key, this.#server.fetch(id), { model: known?.state.model ?? null, input: known?.input ?? null });
    }
    return key;
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

  #begin(load: Promise<Generation>, asked: Asked): string {
    const key = `run-${this.#started.length + 1}`;
    this.#follow(key, load, asked);
    this.#started = [key, ...this.#started];
    for (const changed of this.#startListeners) changed();
    return key;
  }

  #follow(key: string, load: Promise<Generation>, { model, input }: Asked): void {
    const listeners = this.#runs.get(key)?.listeners ?? new Set();
    const run: Run = { state: sending(model), canceled: false, isLost: false, input, listeners };
    this.#runs.set(key, run);
    this.#wake(run);
    const tell = (action: GenerationAction) => {
      run.state = reduceGeneration(run.state, action);
      this.#wake(run);
    };
    const failed = (error: Error) => {
      run.isLost = true;
      tell({ type: 'error', error });
    };
    load.then((generation) => {
      tell({ type: 'follow', generation });
      if (run.canceled) this.#sendCancel(run, generation.id);
      this.#server.follow(generation.id, {
        onEvent: (event) => tell({ type: 'event', event }),
        onError: failed,
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
