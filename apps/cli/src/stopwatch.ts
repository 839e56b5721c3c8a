/** Where the time of a run went, in milliseconds; scales are summed over batches. */
export interface Timings {
  readonly load: number;
  readonly scales: readonly { readonly index: number; readonly tokens: number; readonly ms: number }[];
  readonly decode: number;
  readonly total: number;
}

/** Splits the time of a generation into loading, scales and decoding. */
export class Stopwatch {
  readonly #started = performance.now();
  readonly #scales: { index: number; tokens: number; ms: number }[] = [];
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

  scale(index: number, tokens: number): void {
    const scale = (this.#scales[index] ??= { index, tokens: 0, ms: 0 });
    scale.tokens += tokens;
    scale.ms += this.#lap();
  }

  decoded(): void {
    this.#decode += this.#lap();
  }

  timings(): Timings {
    return {
      load: rounded(this.#load),
      scales: this.#scales.map((scale) => ({ ...scale, ms: rounded(scale.ms) })),
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
