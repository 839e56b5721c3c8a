import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EventBody, Generation, GenerationEvent, GenerationRecords, Hint, QueuePlace } from '@tessera/store';
import type { FollowedEvent } from './followed-event.ts';
import { openStreams, type Streams } from './streams.ts';

/** A log of one generation, whose reads are counted: what the readers need of a store, and nothing else. */
class Log {
  readonly events: GenerationEvent[] = [];
  readonly statements: { readonly id: string; readonly after: number }[][] = [];
  places: QueuePlace[] = [];
  placesAsked = 0;
  isDeleted = false;
  isAway = false;
  /** Time between what a question sees and its answer, in milliseconds. */
  delay = 0;
  /** Hints that get lost. */
  isDeaf = false;
  readonly #listeners = new Set<(hint: Hint) => void>();
  readonly streams: Streams;

  constructor() {
    const records: Pick<GenerationRecords, 'find' | 'eventsAfter' | 'places'> = {
      find: () => {
        const { length } = this.events;
        const ended = ['completed', 'canceled'].includes(this.events.at(-1)?.kind ?? '');
        return Promise.resolve({ lastSeq: length, state: ended ? 'canceled' : 'running' } as Generation);
      },
      eventsAfter: (wanted) => {
        if (this.isAway) return Promise.reject(new Error('away'));
        this.statements.push(wanted.map(({ id, after }) => ({ id, after })));
        const found = wanted.map(({ id, after, most }) => [id, this.events.slice(after, after + most)] as const);
        const answer = new Map(this.isDeleted ? [] : found);
        return this.delay === 0 ? Promise.resolve(answer) : pause(this.delay, answer);
      },
      places: () => {
        this.placesAsked += 1;
        return Promise.resolve(this.places);
      },
    };
    this.streams = openStreams({
      generations: records as GenerationRecords,
      onHint: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    });
  }

  tell(...bodies: EventBody[]): void {
    for (const body of bodies) this.events.push({ ...body, seq: this.events.length + 1, at: new Date() });
    if (!this.isDeaf) this.hint();
  }

  hint(): void {
    for (const listener of this.#listeners) listener({ kind: 'events', id: 'a' });
  }

  follow = (after = 0, id = 'a') => this.streams.events({ tenant: '', client: '' }, id, after);
}

const step = (index: number): EventBody => ({
  kind: 'step',
  index,
  of: 200,
  positions: [[index]],
  previews: ['sha'],
  sprite: 'all',
  details: null,
  milliseconds: 1,
});
const steps = (count: number): EventBody[] => Array.from({ length: count }, (_, i) => step(i));

async function rest(events: AsyncIterable<FollowedEvent>): Promise<FollowedEvent[]> {
  const all: FollowedEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const seqs = (events: readonly FollowedEvent[]) => events.map(({ seq }) => seq);
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

let log: Log;
afterEach(() => log.streams.close());

describe('many readers', () => {
  it('have the log read once for an event', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 });
    const readers = await Promise.all(Array.from({ length: 50 }, () => log.follow()));
    const next = async () =>
      (await Promise.all(readers.map((reader) => reader.next()))).map(({ value }) => value as unknown);
    expect(await next()).toEqual(Array(50).fill(log.events[0]));
    for (const kind of ['started', 'canceled'] as const) {
      const waiting = next();
      await pause(1);
      log.tell({ kind });
      const told = await waiting;
      expect(told).toEqual(Array(50).fill(log.events.at(-1)));
      expect(new Set(told).size).toBe(1);
    }
    expect(log.statements.map(([one]) => one!.after)).toEqual([0, 1, 2]);
    expect((await readers[0]!.next()).done).toBe(true);
    // What has no readers is forgotten.
    await (await log.follow(2)).next();
    expect(log.statements.length).toBe(4);
  });

  it('may come while an older question is being answered', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 });
    const first = await log.follow();
    await first.next();
    const waiting = first.next();
    await pause(1);
    log.delay = 20;
    log.hint();
    await pause(5);
    log.isDeaf = true;
    log.tell({ kind: 'started' });
    const second = await log.follow();
    await second.next();
    expect(await Promise.all([waiting, second.next()])).toEqual(Array(2).fill({ done: false, value: log.events[1] }));
  });

  it('of many generations are served by one statement', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 });
    const readers = await Promise.all(['a', 'b', 'c'].map((id) => log.follow(0, id)));
    await Promise.all(readers.map((reader) => reader.next()));
    expect(log.statements.map((one) => one.map(({ id }) => id).sort())).toEqual([['a', 'b', 'c']]);
  });

  it('that come late get every event once and in order, page by page', async () => {
    log = new Log();
    log.tell(...steps(300), { kind: 'canceled' });
    const all = await Promise.all([0, 0, 63, 64, 65, 300].map(async (after) => rest(await log.follow(after))));
    expect(all.map(seqs)).toEqual([upTo(301), upTo(301), upTo(301, 64), upTo(301, 65), upTo(301, 66), [301]]);
    expect(await rest(await log.follow(301))).toEqual([]);
    expect(Math.max(...log.statements.map((one) => one.length))).toBe(1);
  });
});

describe('a reader', () => {
  it('gets events whose hints were lost, and ends by itself while it waits', async () => {
    log = new Log();
    log.isDeaf = true;
    log.tell({ kind: 'queued', position: 0 });
    const [one, other] = [await log.follow(), await log.follow(1)];
    const ended = other.next();
    const all = rest(one);
    await pause(50);
    log.tell({ kind: 'canceled' });
    await other.return!();
    expect((await ended).done).toBe(true);
    expect(seqs(await all)).toEqual([1, 2]);
  });

  it('waits while the database is away, and misses nothing', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 });
    const all = rest(await log.follow());
    await pause(10);
    log.isAway = true;
    log.tell({ kind: 'started' }, ...steps(3));
    await pause(300);
    log.isAway = false;
    log.tell({ kind: 'canceled' });
    expect(seqs(await all)).toEqual(upTo(6));
  });

  it('is sent away where the database does not come back, to try again elsewhere', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 });
    const all = rest(await log.follow());
    await pause(10);
    log.isAway = true;
    log.hint();
    await pause(10);
    const now = vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + 31_000);
    await expect(all).rejects.toMatchObject({ code: 'stream-interrupted' });
    now.mockRestore();
  });

  it('hears that its generation was deleted, or that its events are no longer kept', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 });
    const all = rest(await log.follow());
    await pause(10);
    log.isDeleted = true;
    log.hint();
    await expect(all).rejects.toMatchObject({ code: 'generation-deleted' });
    log.isDeleted = false;
    log.tell({ kind: 'canceled' });
    const reader = await log.follow();
    log.events.splice(0);
    await expect(rest(reader)).rejects.toMatchObject({ code: 'events-gone' });
  });

  it('that is slow gets every event, and previews only of the newest that came meanwhile', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 0 }, ...steps(2));
    const reader = (await log.follow()) as AsyncIterableIterator<FollowedEvent, undefined, boolean>;
    const previews = async (slow: boolean) => {
      const { value } = await reader.next(slow);
      return value?.kind === 'step' ? [value.previews, value.sprite] : value?.kind;
    };
    // What it has asked for it gets whole.
    expect([await previews(true), await previews(true)]).toEqual(['queued', [['sha'], 'all']]);
    expect(await previews(true)).toEqual([['sha'], 'all']);
    log.tell(...steps(3));
    expect([await previews(true), await previews(false), await previews(true)]).toEqual([
      [null, null],
      [['sha'], 'all'],
      [['sha'], 'all'],
    ]);
  });
});

describe('while a generation waits', () => {
  it('its followers hear of its place where that changes, by one question for all', async () => {
    log = new Log();
    log.tell({ kind: 'queued', position: 5 });
    log.places = [{ id: 'a', position: 3, workers: 1, milliseconds: 4000 }];
    const began = performance.now();
    const all = Promise.all([rest(await log.follow()), rest(await log.follow(1)), rest(await log.follow(0, 'b'))]);
    await pause(2500);
    log.places = [{ id: 'a', position: 2, workers: 1, milliseconds: 2000 }];
    await pause(1100);
    log.tell({ kind: 'started' }, { kind: 'canceled' });
    const told = (await all).map((one) =>
      one.map((event) => [event.seq, event.kind === 'waiting' ? event.position : event.kind]),
    );
    const places = [
      [1, 3],
      [1, 2],
    ];
    const end = [
      [2, 'started'],
      [3, 'canceled'],
    ];
    expect(told[0]).toEqual([[1, 'queued'], ...places, ...end]);
    expect(told[1]).toEqual([...places, ...end]);
    expect(told[2]).toEqual([[1, 'queued'], ...end]);
    // Two generations are followed, by three: at most one question a second, all the same.
    expect(log.placesAsked).toBeLessThanOrEqual(1 + (performance.now() - began) / 1000);
  });
});
