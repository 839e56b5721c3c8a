/** Where the time of a run went, in milliseconds; steps are summed over batches. */
export interface Timings {
  readonly load: number;
  readonly steps: readonly { readonly index: number; readonly tokens: number; readonly ms: number }[];
  readonly decode: number;
  readonly total: number;
}

/** Splits the time of a generation into loading, steps and decoding. */
export class Stopwatch {
  readonly #started = performance.now();
  readonly #steps: { index: number; tokens: number; ms: number }[] = [];
  #last = this.#started;
  #load = 0;
  #decode = 0;

  loaded(): void {
    this.#load = this.#lap();
  }

  /** Starts a batch: what lay between does not count. */
  begin(): void {
    this.#lap();
  }

  step(index: number, tokens: number): void {
    const step = (this.#steps[index] ??= { index, tokens: 0, ms: 0 });
    step.tokens += tokens;
    step.ms += this.#lap();
  }

  decoded(): void {
    this.#decode += this.#lap();
  }

  timings(): Timings {
    return {
      load: rounded(this.#load),
      steps: this.#steps.map((step) => ({ ...step, ms: rounded(step.ms) })),
      decode: rounded(this.#decode),
      total: rounded(performance.now() - this.#started),
    };
  }

  #lap(): number {
    const now = performance.now();
    const lap = now - this.#last;
    this.#last = now;
    return lap;
  }
}

const rounded = (milliseconds: number) => Math.round(milliseconds * 10) / 10;
