import { isLast, type GenerationEvent } from './records.ts';

/** Tells readers that a log has grown; it carries no data, so a lost or doubled call does no harm. */
export interface Bell {
  ring(id: string): void;
  /** Calls `heard` at every ring until the returned function is called. */
  listen(id: string, heard: () => void): () => void;
}

export function bell(): Bell {
  const listeners = new Map<string, Set<() => void>>();
  return {
    ring(id) {
      for (const heard of listeners.get(id) ?? []) heard();
    },
    listen(id, heard) {
      const all = listeners.get(id) ?? new Set();
      listeners.set(id, all.add(heard));
      return () => {
        all.delete(heard);
        if (all.size === 0) listeners.delete(id);
      };
    },
  };
}

export interface TailOptions {
  /** The last `seq` the reader has seen. */
  readonly after: number;
  /** True when nothing can come any more: the reader has seen the last event. */
  readonly ended: boolean;
  read(after: number): Promise<readonly GenerationEvent[]>;
  listen(heard: () => void): () => void;
}

/** Every event after `after`, each once and in order, until the last kind; `return` ends it also while it waits. */
export function tailEvents(options: TailOptions): AsyncIterableIterator<GenerationEvent> {
  const stop = new AbortController();
  const events = follow(options, stop.signal);
  return {
    next: () => events.next(),
    return: () => {
      stop.abort();
      return events.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* follow(
  { after, ended, read, listen }: TailOptions,
  stop: AbortSignal,
): AsyncGenerator<GenerationEvent, undefined> {
  if (ended) return;
  let seq = after;
  let grown = true;
  let wake: () => void = () => undefined;
  const heard = () => {
    grown = true;
    wake();
  };
  // Listening begins before the first read: what is written in between rings.
  const unlisten = listen(heard);
  stop.addEventListener('abort', heard);
  try {
    while (!stop.aborted) {
      if (!grown) await new Promise<void>((resolve) => (wake = resolve));
      grown = false;
      for (const event of await read(seq)) {
        yield event;
        seq = event.seq;
        if (isLast(event.kind)) return;
      }
    }
  } finally {
    unlisten();
  }
}
