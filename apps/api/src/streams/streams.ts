import { setTimeout as pause } from 'node:timers/promises';
import { isTesseraError, TesseraError } from '@tessera/errors';
import { hasEnded, type Owner, type Store } from '@tessera/store';
import { meters } from '@tessera/telemetry';
import { Feed } from './feed.ts';
import type { FollowedEvent } from './followed-event.ts';
import { interrupted } from './interruption.ts';
import { logReader, noAnswer, PATIENCE_MS } from './log-reader.ts';
import { tellPlaces } from './places.ts';
import { unknownGeneration } from './unknown-generation.ts';

/** Hints may be lost: this often all that is followed is looked at. */
const LOOK_EVERY_MS = 1000;
const RETRY_MS = 250;

/** Streams of events for any number of readers. */
export interface Streams {
  /**
   * Every event after the seq `after`, each once and in order, until the last; between them, while it waits, its place in
   * the queue. `return` ends it also while it waits.
   * @throws TesseraError `unknown-generation`, `after-out-of-range`, `stream-interrupted`; while it is read also `generation-deleted`, `events-gone`
   */
  events(owner: Owner, id: string, after: number): Promise<AsyncIterableIterator<FollowedEvent>>;
  close(): void;
}

/** A database that is away for a while delays events, and loses and doubles none. */
export function openStreams({ generations, onHint }: Pick<Store, 'generations' | 'onHint'>): Streams {
  const feeds = new Map<string, Feed>();
  const log = logReader((wanted) => generations.eventsAfter(wanted));
  const stopHints = onHint(({ kind, id, events }) => {
    const feed = kind === 'events' ? feeds.get(id) : undefined;
    if (feed && !(events && feed.grow(events()))) feed.look();
  });
  const timer = setInterval(() => {
    for (const feed of feeds.values()) feed.look(Date.now() - LOOK_EVERY_MS);
    void tellPlaces(feeds, generations);
  }, LOOK_EVERY_MS);
  timer.unref();
  let closed = false;
  const begin = (id: string): Feed => {
    const feed = new Feed(id, {
      ask: (page) => log.ask(page),
      ended() {
        feeds.delete(id);
        meters.feeds.dec();
      },
    });
    feeds.set(id, feed);
    meters.feeds.inc();
    return feed;
  };
  return {
    async events({ tenant }, id, after) {
      const generation = await patiently(() => generations.find(id, tenant));
      if (closed) throw interrupted(ending);
      if (!generation) throw unknownGeneration(id);
      const { lastSeq } = generation;
      if (after < 0 || after > lastSeq) throw outOfRange(after, lastSeq);
      const reader = (feeds.get(id) ?? begin(id)).follow(after, lastSeq);
      // Nothing can come any more: the reader has seen the last event.
      if (after === lastSeq && hasEnded(generation)) await reader.return();
      return reader;
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      stopHints();
      log.close();
      for (const feed of feeds.values()) feed.fail(interrupted(ending));
    },
  };
}

const ending = 'the end of this server';

/** What the database says, also where it has to come back first. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isTesseraError(error) || error.code !== 'storage-failed') throw error;
      if (Date.now() > until) throw noAnswer();
      await pause(RETRY_MS);
    }
  }
}

function outOfRange(after: number, lastSeq: number): TesseraError {
  return new TesseraError({
    code: 'after-out-of-range',
    who: 'generationEvents',
    got: `after ${after}`,
    expected: `the seq of the last event that was seen, ${lastSeq} at most so far, or 0 for all`,
    next: 'Correct after, or leave it out.',
  });
}
