import { TesseraError } from '@tessera/errors';
import { isLast, type GenerationEvent } from '@tessera/store';
import { meters } from '@tessera/telemetry';
import { withoutPreviews, type FollowedEvent, type WaitingEvent } from './followed-event.ts';

/** Events of a page: what is read, and kept, at a time. */
const PAGE = 64;
/** What had an event so recently runs, or has just been queued. */
const QUIET_MS = 500;

/** Part of a log that readers are at. It is kept for as long as one of them is. */
export class Page {
  readonly feed: Feed;
  readonly number: number;
  /** The event of seq `first + i` is at i. */
  readonly events: GenerationEvent[] = [];
  /** Readers inside of it. */
  readers = 0;
  /** Readers that have seen all of it. */
  waiting = 0;
  /** False where the log may hold more of it. */
  current = false;
  readAt = 0;

  constructor(feed: Feed, number: number) {
    this.feed = feed;
    this.number = number;
  }

  /** What is missing of it. */
  get wanted(): { readonly id: string; readonly after: number; readonly most: number } {
    const { length } = this.events;
    return { id: this.feed.id, after: this.number * PAGE + length, most: PAGE - length };
  }
}

export interface ReadEvents {
  /** Undefined: the generation is no longer there. */
  readonly events: readonly GenerationEvent[] | undefined;
  /** seq of the newest event that was known to be stored when they were asked for. */
  readonly known: number;
}

/**
 * One generation and all of its readers on this replica. It holds the pages that readers are at, and no others: many who
 * follow live share the newest page, and a client that comes late reads the log again, page by page.
 */
export class Feed {
  readonly id: string;
  /** seq of the newest event that is known to be stored. */
  lastSeq = 0;
  /** seq of the newest step with previews. */
  newestPreviews = 0;
  /** Its place in the queue, as it was told last. */
  waiting: WaitingEvent | null = null;
  #grewAt = 0;
  readonly #pages = new Map<number, Page>();
  readonly #readers = new Set<Reader>();
  readonly #ask: (page: Page) => void;
  readonly #ended: () => void;

  /** `ask` wants a page to be read; `ended` is called when the last reader has gone. */
  constructor(id: string, { ask, ended }: { readonly ask: (page: Page) => void; readonly ended: () => void }) {
    this.id = id;
    this.#ask = ask;
    this.#ended = ended;
  }

  /** Every event after `after`; `lastSeq` is that of the log now. */
  follow(after: number, lastSeq: number): Reader {
    this.lastSeq = Math.max(this.lastSeq, lastSeq);
    const reader = new Reader(this, after, lastSeq);
    this.#readers.add(reader);
    meters.followers.inc();
    return reader;
  }

  /** The log has grown, or may have: pages that were read before `before` are read again. */
  look(before = Infinity): void {
    for (const page of this.#pages.values()) {
      if (page.readAt >= before) continue;
      this.#lookAgain(page);
    }
  }

  #lookAgain(page: Page): void {
    page.current = false;
    if (page.waiting > 0) this.#ask(page);
  }

  enter(number: number): Page {
    const page = this.#pages.get(number) ?? new Page(this, number);
    this.#pages.set(number, page);
    page.readers += 1;
    return page;
  }

  leave(page: Page): void {
    page.readers -= 1;
    if (page.readers === 0) this.#pages.delete(page.number);
  }

  /** A reader has seen all that is known of a page. */
  wait(page: Page): void {
    page.waiting += 1;
    if (!page.current) this.#ask(page);
  }

  /** The newest events, which need not be read. False where it does not know those before them, or they are of two pages. */
  grow(events: readonly GenerationEvent[]): boolean {
    const first = events[0]!.seq;
    const page = this.#pages.get(Math.floor((first - 1) / PAGE));
    if (page?.wanted.after !== first - 1 || events.length > page.wanted.most) return false;
    this.take(page, { events, known: first - 1 });
    return true;
  }

  /** What was read of a page. */
  take(page: Page, { events: read, known }: ReadEvents): void {
    if (!read) return this.fail(deleted(this.id));
    const { after } = page.wanted;
    // It may have grown while it was read.
    const events = read.filter(({ seq }) => seq > after);
    if (events.some(({ seq }, i) => seq !== after + 1 + i) || (events.length === 0 && after < known)) {
      return this.fail(gone(this.id, after + 1));
    }
    if (events.length === 0) {
      // What has been written since the question was asked.
      if (after < this.lastSeq) this.#lookAgain(page);
      return;
    }
    page.events.push(...events);
    this.waiting = null;
    this.#grewAt = Date.now();
    this.lastSeq = Math.max(this.lastSeq, events.at(-1)!.seq);
    const shown = events.findLast((event) => event.kind === 'step' && event.previews !== null);
    if (shown) this.newestPreviews = Math.max(this.newestPreviews, shown.seq);
    this.#wakeAll();
  }

  /** True where somebody waits for the next event, and the last look brought none. */
  get isQuiet(): boolean {
    const page = this.#pages.get(Math.floor(this.lastSeq / PAGE));
    return page !== undefined && page.waiting > 0 && Date.now() - this.#grewAt >= QUIET_MS;
  }

  /** Its place in the queue: said where it differs from what was said last, as whether any worker has its model. */
  tellPlace({ position, workers, milliseconds }: Omit<WaitingEvent, 'kind' | 'seq' | 'at'>): void {
    const before = this.waiting;
    const same = before?.position === position && before.workers > 0 === workers > 0;
    if (same && sameSecond(before.milliseconds, milliseconds)) return;
    this.waiting = { kind: 'waiting', seq: this.lastSeq, at: new Date(), position, workers, milliseconds };
    this.#wakeAll();
  }

  /** Ends every reader with this error. */
  fail(error: unknown): void {
    for (const reader of this.#readers) reader.fail(error);
  }

  remove(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    meters.followers.dec();
    if (this.#readers.size === 0) this.#ended();
  }

  #wakeAll(): void {
    for (const reader of this.#readers) reader.wake();
  }
}

/**
 * One follower: every event once and in order, until the last. `next(true)` says that its client reads more slowly than
 * events come: then steps that came while it followed are given without previews where newer ones are known.
 */
export class Reader implements AsyncIterableIterator<FollowedEvent, undefined, boolean | undefined> {
  readonly #feed: Feed;
  /** What was there when it came: this it asked for, and gets whole. */
  readonly #asked: number;
  #seen: number;
  #page: Page | null = null;
  #told: WaitingEvent | null = null;
  #ended = false;
  #error: { readonly cause: unknown } | null = null;
  #wake: () => void = () => undefined;

  constructor(feed: Feed, after: number, asked: number) {
    this.#feed = feed;
    this.#seen = after;
    this.#asked = asked;
  }

  wake(): void {
    this.#wake();
  }

  fail(cause: unknown): void {
    this.#error = { cause };
    this.#wake();
  }

  async next(slow = false): Promise<IteratorResult<FollowedEvent, undefined>> {
    while (!this.#ended) {
      const event = this.#take();
      if (event) return { done: false, value: this.#fitting(event, slow) };
      if (this.#error) {
        this.#end();
        throw this.#error.cause;
      }
      const place = this.#newPlace();
      if (place) return { done: false, value: place };
      await this.#grown();
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<FollowedEvent, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): GenerationEvent | undefined {
    const event = this.#pageHere().events[this.#seen % PAGE];
    if (!event) return undefined;
    this.#seen = event.seq;
    if (isLast(event.kind)) this.#end();
    return event;
  }

  #pageHere(): Page {
    const number = Math.floor(this.#seen / PAGE);
    if (this.#page?.number === number) return this.#page;
    if (this.#page) this.#feed.leave(this.#page);
    return (this.#page = this.#feed.enter(number));
  }

  #fitting(event: GenerationEvent, slow: boolean): GenerationEvent {
    const old = event.seq > this.#asked && event.seq < this.#feed.newestPreviews;
    return slow && old && event.kind === 'step' ? withoutPreviews(event) : event;
  }

  #newPlace(): WaitingEvent | null {
    const { waiting } = this.#feed;
    if (!waiting || waiting === this.#told || waiting.seq !== this.#seen) return null;
    return (this.#told = waiting);
  }

  async #grown(): Promise<void> {
    const page = this.#page!;
    this.#feed.wait(page);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    page.waiting -= 1;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#page) this.#feed.leave(this.#page);
    this.#feed.remove(this);
    this.#wake();
  }
}

function sameSecond(one: number | null, other: number | null): boolean {
  return one === null || other === null ? one === other : Math.round(one / 1000) === Math.round(other / 1000);
}

function deleted(id: string): TesseraError {
  return new TesseraError({
    code: 'generation-deleted',
    who: 'generationEvents',
    got: `the generation ${id}, which was deleted meanwhile`,
    expected: 'one that exists',
    next: 'Stop following it.',
  });
}

function gone(id: string, seq: number): TesseraError {
  return new TesseraError({
    code: 'events-gone',
    who: 'generationEvents',
    got: `event ${seq} of the generation ${id}, which is no longer kept`,
    expected: 'one that is',
    next: 'Query generation for how it ended.',
  });
}
