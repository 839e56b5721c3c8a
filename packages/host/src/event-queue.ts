import type { HostEvent } from './events.ts';
import { isTerminal } from './events.ts';

/** Events of one generation between the host, which pushes, and its reader, who may be slower. */
export interface EventQueue {
  /** Events after the terminal one are dropped. */
  push(event: HostEvent): void;
  readonly events: AsyncIterable<HostEvent>;
}

/** `abandon` is called when the reader stops before the terminal event. */
export function eventQueue(abandon: () => void): EventQueue {
  const waiting: HostEvent[] = [];
  let wake: (() => void) | null = null;
  let closed = false;

  async function* read(): AsyncGenerator<HostEvent> {
    let ended = false;
    try {
      while (!ended) {
        const event = waiting.shift();
        if (event === undefined) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        ended = isTerminal(event);
        yield event;
      }
    } finally {
      if (!ended) abandon();
    }
  }

  return {
    push(event) {
      if (closed) return;
      closed = isTerminal(event);
      waiting.push(event);
      wake?.();
    },
    events: read(),
  };
}
