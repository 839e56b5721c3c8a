import { printable } from '@tessera/errors';

/** A line for people who run a program, besides its results. */
export type Report = (line: string) => void;

/** How long a call may last before people are told, in milliseconds. */
const first = 30_000;

/**
 * What waits for the calls of a part. From outside, a part that computes in another thread, one that waits for a device or a
 * network and one that will never answer look the same: so none is failed for its silence, and people are told of it.
 */
export class Patience {
  readonly #report: Report;
  #next = first;

  constructor(report: Report = console.error) {
    this.#report = report;
  }

  /** The answer, however long it takes. Told is what lasts twice as long as what was told before. */
  async for<T>({ name, call }: { readonly name: string; readonly call: string }, answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const tellAfter = (waited: number): void => {
      const until = this.#next;
      timer = setTimeout(() => {
        this.#next = Math.max(this.#next, 2 * until);
        this.#report(
          `[${printable(name)}] ${call} has not answered for ${until / 1000} s: it computes, waits for something, or will ` +
            'never answer. It is waited for until the run is canceled.',
        );
        tellAfter(until);
      }, until - waited);
    };
    tellAfter(0);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }
}
