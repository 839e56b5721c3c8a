import { EventEmitter, on } from 'node:events';
import { isTerminal, type HostEvent } from './protocol.ts';

/** Events of one generation between the host, which pushes, and its reader, who may be slower. */
export interface EventQueue {
  /** Events after the terminal one are dropped. */
  push(event: HostEvent): void;
  readonly events: AsyncIterable<HostEvent>;
}

/** `abandon` is called when the reader stops before the terminal event. */
export function eventQueue(abandon: () => void): EventQueue {
  const pushed = new EventEmitter();
  // It listens, and keeps what comes, from here on.
  const all = on(pushed, 'event') as AsyncIterableIterator<[HostEvent]>;
  async function* read(): AsyncGenerator<HostEvent> {
    let ended = false;
    try {
      for await (const [event] of all) {
        ended = isTerminal(event);
        yield event;
        if (ended) return;
      }
    } finally {
      if (!ended) abandon();
    }
  }
  return { push: (event) => void pushed.emit('event', event), events: read() };
}
