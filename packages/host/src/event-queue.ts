import { EventEmitter, on } from 'node:events';

/** Values between one who pushes and a reader who may be slower. */
export interface EventQueue<T> {
  push(value: T): void;
  /** The reader comes to the end after what was pushed before. */
  end(): void;
  readonly values: AsyncIterable<T>;
}

/** `abandon` is called when the reader stops before the end. */
export function eventQueue<T>(abandon: () => void): EventQueue<T> {
  const pushed = new EventEmitter();
  // It listens, and keeps what comes, from here on.
  const all = on(pushed, 'value', { close: ['end'] }) as AsyncIterableIterator<[T]>;
  let ended = false;
  async function* read(): AsyncGenerator<T> {
    try {
      for await (const [value] of all) yield value;
    } finally {
      if (!ended) abandon();
    }
  }
  return {
    push: (value) => void pushed.emit('value', value),
    end: () => {
      ended = true;
      pushed.emit('end');
    },
    values: read(),
  };
}
