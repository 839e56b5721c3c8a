import type { GenerationInput } from '../api/operations.ts';
import { isBusy, type GenerationState } from '../runs/generation-state.ts';

/** What makes the pictures: the runs of the page, or of a test. */
export interface Runs {
  start(input: GenerationInput): string;
  show(id: string): string;
  state(key: string): GenerationState | null;
  onChange(key: string, changed: () => void): () => void;
  cancel(key: string): void;
}

export interface CellRun {
  /** Null until it is its turn. */
  readonly key: string | null;
  /** Time of a first run, for which the model was read from the disk; it is then made again. */
  readonly coldMs: number | null;
}

/** Between two tries while the server is away. */
const AGAIN_MS = 2000;

export interface Progress {
  readonly cells: readonly CellRun[];
  readonly isRunning: boolean;
}

/**
 * Makes the pictures of a comparison one after the other, so that none shares its time with another one of them. What was
 * cold is made once more: only times of a loaded model can be compared.
 */
export class Runner {
  readonly #runs: Runs;
  readonly #listeners = new Set<() => void>();
  #state: Progress = { cells: [], isRunning: false };
  /** Counts starts: an earlier one ends when another one begins. */
  #turn = 0;

  constructor(runs: Runs) {
    this.#runs = runs;
  }

  readonly state = (): Progress => this.#state;

  readonly onChange = (changed: () => void): (() => void) => {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  };

  /** Of what was made before. */
  show(ids: readonly string[]): void {
    this.#turn++;
    this.#change({ cells: ids.map((id) => ({ key: this.#runs.show(id), coldMs: null })), isRunning: false });
  }

  async start(inputs: readonly GenerationInput[]): Promise<void> {
    this.stop();
    const turn = ++this.#turn;
    this.#change({ cells: inputs.map(() => ({ key: null, coldMs: null })), isRunning: true });
    for (const [index, input] of inputs.entries()) {
      const ended = await this.#make(input, { turn, show: (key) => this.#set(index, { key, coldMs: null }) });
      if (!ended) return;
      if (ended.isCold && ended.status === 'completed') {
        const warm = this.#runs.start(input);
        const again = await this.#end(warm);
        if (turn !== this.#turn) return;
        if (again.status === 'completed') this.#set(index, { key: warm, coldMs: ended.milliseconds });
      }
    }
    this.#change({ isRunning: false });
  }

  /** Ends what runs; what is there stays. */
  stop(): void {
    this.#turn++;
    for (const { key } of this.#state.cells) if (key !== null) this.#runs.cancel(key);
    this.#change({ isRunning: false });
  }

  /** Null where it was stopped. A server that is away is asked until it is back. */
  async #make(input: GenerationInput, { turn, show }: { turn: number; show(key: string): void }) {
    for (;;) {
      const key = this.#runs.start(input);
      show(key);
      const ended = await this.#end(key);
      if (turn !== this.#turn) return null;
      if (ended.errorCode !== 'unreachable') return ended;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      if (turn !== this.#turn) return null;
    }
  }

  #end(key: string): Promise<GenerationState> {
    return new Promise((resolve) => {
      const look = () => {
        const state = this.#runs.state(key)!;
        if (isBusy(state)) return;
        forget();
        resolve(state);
      };
      const forget = this.#runs.onChange(key, look);
      look();
    });
  }

  #set(index: number, run: CellRun): void {
    this.#change({ cells: this.#state.cells.map((one, i) => (i === index ? run : one)) });
  }

  #change(part: Partial<Progress>): void {
    this.#state = { ...this.#state, ...part };
    for (const changed of this.#listeners) changed();
  }
}
