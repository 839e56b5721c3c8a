import { setTimeout as sleep } from 'node:timers/promises';

/** Time to the next try, in milliseconds: doubled from the first to the last while it keeps failing. */
const FIRST_MS = 250;
const LAST_MS = 10_000;

/** Growing pauses between tries of one thing. */
export class Pauses {
  #next = FIRST_MS;

  next(): number {
    const pause = this.#next;
    this.#next = Math.min(2 * pause, LAST_MS);
    return pause;
  }

  reset(): void {
    this.#next = FIRST_MS;
  }
}

/** Resolves after a time, or as soon as the signal is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { ...(signal && { signal }) }).catch(() => undefined);
}

/** Tries until it succeeds, with growing pauses; null where the signal ends that first. `failed` is told of every error. */
export async function untilDone<T>(
  task: () => Promise<T>,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<T | null> {
  const pauses = new Pauses();
  while (!signal.aborted) {
    try {
      return await task();
    } catch (error) {
      failed(error);
      await pause(pauses.next(), signal);
    }
  }
  return null;
}
