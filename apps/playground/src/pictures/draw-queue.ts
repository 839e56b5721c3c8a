/** Milliseconds of each frame that drawing may take: what is left over goes into the next one. */
const BUDGET_MS = 6;

interface Clock {
  now(): number;
  /** Calls back before the next frame is painted. */
  onFrame(call: () => void): void;
}

const browserClock: Clock = { now: () => performance.now(), onFrame: (call) => void requestAnimationFrame(call) };

/** Draws at once as long as the frame has time for it; many pictures are drawn over several frames, in their order. */
export class DrawQueue {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #spent = 0;
  #isAwaited = false;

  constructor(clock: Clock = browserClock) {
    this.#clock = clock;
  }

  /** Returns a function that takes it back, where it has not been drawn. */
  draw(job: () => void): () => void {
    if (this.#spent < BUDGET_MS) this.#run(job);
    else this.#waiting.add(job);
    this.#awaitFrame();
    return () => void this.#waiting.delete(job);
  }

  #run(job: () => void): void {
    const from = this.#clock.now();
    job();
    this.#spent += this.#clock.now() - from;
  }

  #awaitFrame(): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#clock.onFrame(() => {
      this.#isAwaited = false;
      this.#spent = 0;
      for (const job of this.#waiting) {
        if (this.#spent >= BUDGET_MS) break;
        this.#waiting.delete(job);
        this.#run(job);
      }
      if (this.#spent > 0) this.#awaitFrame();
    });
  }
}

/** Of the whole page. */
export const drawings = new DrawQueue();
