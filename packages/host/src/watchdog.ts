/** When the models' process counts as hanging, in milliseconds. */
export interface WatchLimits {
  /**
   * The longest time from one step to the next, and for opening a model. A large model on a small machine may compute for
   * minutes without a word, so no sign can tell it from a loop without end: only time can.
   */
  readonly step: number;
  /** The longest time without a beat of the process, which comes every second whatever a model does: it is stopped. */
  readonly beat: number;
}

/** What is wrong with the models' process: no beat (it is stopped), or no end of a step (it loops or waits for ever). */
export type Hang = 'beat' | 'step';

/** Watches a process from outside. Time in which this process sleeps, with its machine or stopped, does not count. */
export class Watchdog {
  readonly #limits: WatchLimits;
  readonly #every: number;
  readonly #timer: NodeJS.Timeout;
  /** null before the first: loading the program may take a while, and where it cannot beat, the other limit is left. */
  #sinceBeat: number | null = null;
  /** null while nothing is to be done. */
  #sinceStep: number | null = null;

  /** `hangs` is called once, at the first limit that is passed. */
  constructor(limits: WatchLimits, hangs: (why: Hang) => void) {
    this.#limits = limits;
    this.#every = Math.min(1000, limits.step / 4, limits.beat / 4);
    this.#timer = setInterval(() => {
      if (this.#sinceBeat !== null) this.#sinceBeat += this.#every;
      if (this.#sinceStep !== null) this.#sinceStep += this.#every;
      const why = this.#past(1);
      if (why === null) return;
      this.end();
      hangs(why);
    }, this.#every);
  }

  /** What looks wrong by now: past half of a limit. */
  get worry(): Hang | null {
    return this.#past(1 / 2);
  }

  beat(): void {
    this.#sinceBeat = 0;
  }

  /** Something has begun, or come to its next step. */
  step(): void {
    this.#sinceStep = 0;
  }

  /** Nothing is to be done. */
  rest(): void {
    this.#sinceStep = null;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #past(part: number): Hang | null {
    if ((this.#sinceBeat ?? 0) > part * this.#limits.beat) return 'beat';
    return (this.#sinceStep ?? 0) > part * this.#limits.step ? 'step' : null;
  }
}
