import { isTesseraError } from '@tessera/errors';
import type { Random } from './random.ts';

/** A simulated process: it may be killed, or stopped for longer than its lease. */
export class Process {
  readonly name: string;
  dead = false;
  /** Nothing of it runs until then, in milliseconds of the world. */
  pausedUntil = 0;

  constructor(name: string) {
    this.name = name;
  }
}

interface Timer {
  at: number;
  /** Of equal times, who comes first. */
  readonly order: number;
  /** null: of the database, which outlives every process. */
  readonly process: Process | null;
  readonly fire: () => Promise<void>;
}

/** One line of a program of a process. It waits for nothing but its own `sleep` and `call`. */
export interface Thread {
  readonly process: Process;
  sleep(ms: number): Promise<void>;
  /** Like sleep, but a hint may end it. */
  sleepOrHint(ms: number): Promise<void>;
  /** Sends something to the database, which answers later, twice, or never. */
  call<T>(run: () => Promise<T>): Promise<T>;
}

/** Thrown where an answer was lost: the database may have done it or not. */
export class Unanswered extends Error {}

/** How often things go wrong, and nothing after the end of the storm. */
export interface Weather {
  readonly unanswered: number;
  readonly doubled: number;
  readonly slow: number;
}

const calm: Weather = { unanswered: 0, doubled: 0, slow: 0 };

/**
 * A world of its own time, in which one thing happens after the other, in an order that its random numbers decide: timers of
 * processes and calls at the database.
 */
export class World {
  now = 0;
  weather: Weather = calm;
  readonly random: Random;
  readonly #setTime: (ms: number) => Promise<void>;
  readonly #timers: Timer[] = [];
  readonly #hintable = new Set<Timer>();
  /** Of a program: a mistake of the simulation, or an answer of the store that it must not give. */
  #failure: { readonly error: unknown } | null = null;

  /** `setTime` moves the time of the database, before anything happens there. */
  constructor(random: Random, setTime: (ms: number) => Promise<void>) {
    this.random = random;
    this.#setTime = setTime;
  }

  calmDown(): void {
    this.weather = calm;
  }

  spawn(process: Process, body: (thread: Thread) => Promise<void>): void {
    // Each time that the thread runs, this tells when it waits again.
    let parked: () => void = () => undefined;
    const running = (go: () => void) =>
      new Promise<void>((resolve) => {
        parked = resolve;
        go();
      });
    const wait = <T>(start: (wake: (go: () => void) => Promise<void>) => void, settle: Promise<T>): Promise<T> => {
      start(running);
      parked();
      return settle;
    };
    const sleep = (ms: number, hintable: boolean) => {
      let resume: () => void;
      const woken = new Promise<void>((resolve) => (resume = resolve));
      return wait((wake) => {
        const timer = this.#at(ms, process, () => wake(resume));
        if (hintable) this.#hintable.add(timer);
      }, woken);
    };
    const call = <T>(run: () => Promise<T>) => {
      let settle: { resolve: (value: T) => void; reject: (error: unknown) => void };
      const answer = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
      return wait((wake) => {
        this.#at(this.#latency(), null, async () => {
          const outcome = await this.#carryOut(run);
          this.#at(this.#latency(), process, () =>
            wake(() => ('value' in outcome ? settle.resolve(outcome.value) : settle.reject(outcome.error))),
          );
        });
      }, answer);
    };
    const thread: Thread = { process, sleep: (ms) => sleep(ms, false), sleepOrHint: (ms) => sleep(ms, true), call };
    const failed = (error: unknown) => void (this.#failure ??= { error });
    this.#at(0, process, () =>
      running(
        () =>
          void body(thread)
            .catch(failed)
            .finally(() => parked()),
      ),
    );
  }

  /** Wakes some of those that wait for hints: the others have lost it. */
  hint(): void {
    for (const timer of this.#hintable) {
      if (this.random.chance(0.7)) timer.at = Math.min(timer.at, this.now + this.random.int(0, 30));
    }
  }

  /** Lets everything happen until nothing is left, or until a time. */
  async run(until: number): Promise<void> {
    for (;;) {
      const next = this.#next();
      if (!next || next.at > until) {
        this.now = Math.max(this.now, until);
        return;
      }
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.#hintable.delete(next);
      if (next.process?.dead) continue;
      if (next.process && next.process.pausedUntil > next.at) {
        this.#timers.push({ ...next, at: next.process.pausedUntil });
        continue;
      }
      this.now = next.at;
      await next.fire();
      if (this.#failure) throw this.#failure.error;
    }
  }

  async #late(run: () => Promise<unknown>): Promise<void> {
    await this.#setTime(this.now);
    await run().catch((error: unknown) => {
      // The answer of a repetition reaches no one: it may be a refusal, as of a key that another request has by now.
      if (!isTesseraError(error)) throw error;
    });
  }

  #next(): Timer | undefined {
    return this.#timers.reduce<Timer | undefined>(
      (best, one) => (!best || one.at < best.at || (one.at === best.at && one.order < best.order) ? one : best),
      undefined,
    );
  }

  #at(delay: number, process: Process | null, fire: () => Promise<void>): Timer {
    const timer = { at: this.now + delay, order: this.random.next(), process, fire };
    this.#timers.push(timer);
    return timer;
  }

  #latency(): number {
    return this.random.chance(this.weather.slow) ? this.random.int(500, 9000) : this.random.int(1, 10);
  }

  async #carryOut<T>(run: () => Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
    const { unanswered, doubled } = this.weather;
    try {
      if (this.random.chance(unanswered / 2)) throw new Unanswered('not sent');
      await this.#setTime(this.now);
      const value = await run();
      // A repetition may come at once, or long after.
      if (this.random.chance(doubled)) this.#at(this.random.int(0, 8000), null, () => this.#late(run));
      if (this.random.chance(unanswered / 2)) throw new Unanswered('done');
      return { value };
    } catch (error) {
      return { error };
    }
  }
}
