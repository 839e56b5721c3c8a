import { printable } from '@tessera/errors';
import type { EventBody } from './event-log.ts';

/** Time to the next try, in milliseconds: doubled from the first to the last while nothing can be written. */
const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 10_000;

/** Last events of generations, which are tried again until they are written. */
export interface Endings {
  /** Writes it now or, where that fails, as soon as it can be written; resolves after the first try. Never throws. */
  write(id: string, body: EventBody): Promise<void>;
  /** Tries once more what is not yet written, and gives up: the next start ends what is left. */
  close(): Promise<void>;
}

/** `append` writes an event to the log, which takes nothing more for a generation that has ended. */
export function endings(append: (id: string, body: EventBody) => Promise<void>): Endings {
  /** Events that could not be written yet, oldest first. */
  const left = new Map<string, EventBody>();
  let wait = FIRST_WAIT_MS;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** Stops at the first that fails: the medium is the same for all. */
  const writeLeft = async () => {
    for (const [id, body] of left) {
      await append(id, body);
      left.delete(id);
      wait = FIRST_WAIT_MS;
    }
  };
  const again = () => {
    if (closed) return;
    timer ??= setTimeout(() => {
      wait = Math.min(2 * wait, LAST_WAIT_MS);
      writeLeft()
        .catch(() => undefined)
        .finally(() => {
          timer = undefined;
          if (left.size > 0) again();
        });
    }, wait);
  };
  return {
    async write(id, body) {
      try {
        await append(id, body);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        console.error(printable(`[api] the end of generation ${id} is kept until it can be written: ${why}`));
        left.set(id, body);
        again();
      }
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await writeLeft().catch(() => undefined);
    },
  };
}
