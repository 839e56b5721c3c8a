import { isLast, type GenerationEvent } from './event-log.ts';

/** Streams of events for any number of readers: the log is read once for an event, not once for each of them. */
export interface EventFeeds {
  /** Says that the log of a generation has grown; it carries no data, so a lost or doubled call does no harm. */
  ring(id: string): void;
  /** Every event after the seq `after`, each once and in order, until the last; `return` ends it also while it waits. */
  follow(id: string, after: number): AsyncIterableIterator<GenerationEvent>;
}

/** `read` gives what the log holds after a seq. */
export function eventFeeds(read: (id: string, after: number) => Promise<readonly GenerationEvent[]>): EventFeeds {
  const feeds = new Map<string, Feed>();
  const begin = (id: string): Feed => {
    const feed: Feed = new Feed(
      (after) => read(id, after),
      () => feeds.get(id) === feed && feeds.delete(id),
    );
    feeds.set(id, feed);
    void feed.grow();
    return feed;
  };
  return {
    ring: (id) => void feeds.get(id)?.grow(),
    follow: (id, after) => new Reader(feeds.get(id) ?? begin(id), after),
  };
}

/** What is known of one generation, for as long as it has readers. */
class Feed {
  /** The event of seq n is at n - 1. */
  readonly events: GenerationEvent[] = [];
  readonly readers = new Set<Reader>();
  readonly #read: (after: number) => Promise<readonly GenerationEvent[]>;
  readonly #ended: () => void;
  #reading = false;
  #grown = false;

  /** `ended` is called when its last reader has gone. */
  constructor(read: (after: number) => Promise<readonly GenerationEvent[]>, ended: () => void) {
    this.#read = read;
    this.#ended = ended;
  }

  /** Reads what is new, and once more where it grew meanwhile. An error is told to the readers of now, and ends it. */
  async grow(): Promise<void> {
    this.#grown = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#grown) {
        this.#grown = false;
        this.events.push(...(await this.#read(this.events.length)));
        for (const reader of this.readers) reader.wake();
      }
    } catch (error) {
      for (const reader of this.readers) reader.fail(error);
      this.readers.clear();
      this.#ended();
    } finally {
      this.#reading = false;
    }
  }

  leave(reader: Reader): void {
    if (this.readers.delete(reader) && this.readers.size === 0) this.#ended();
  }
}

class Reader implements AsyncIterableIterator<GenerationEvent> {
  readonly #feed: Feed;
  #seen: number;
  #ended = false;
  #error: { readonly cause: unknown } | null = null;
  #wake: () => void = () => undefined;

  constructor(feed: Feed, after: number) {
    this.#feed = feed;
    this.#seen = after;
    feed.readers.add(this);
  }

  wake(): void {
    this.#wake();
  }

  fail(cause: unknown): void {
    this.#error = { cause };
    this.#wake();
  }

  async next(): Promise<IteratorResult<GenerationEvent, undefined>> {
    while (!this.#ended) {
      const event = this.#feed.events[this.#seen];
      if (event) {
        this.#seen = event.seq;
        if (isLast(event.kind)) this.#end();
        return { done: false, value: event };
      }
      if (this.#error) {
        this.#end();
        throw this.#error.cause;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<GenerationEvent, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#ended = true;
    this.#feed.leave(this);
    this.#wake();
  }
}
