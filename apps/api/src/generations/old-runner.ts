import type { Blobs } from '@tessera/blobs';
import { isTesseraError, printable, TesseraError } from '@tessera/errors';
import type { Host, HostEvent } from '@tessera/host';
import type { Checked, EditRequest, GenerationRequest } from '@tessera/request';
import type {
  EventBody as StoredBody,
  Generation as Stored,
  GenerationEvent as StoredEvent,
  GenerationRecords,
  NewGeneration,
  Owner,
} from '@tessera/store';
import type { Streams } from '../streams/streams.ts';
import { storageFailed } from '../storage/database.ts';
import { endings, type Endings } from './endings.ts';
import { isLast, type EventBody, type EventLog, type Generation } from './event-log.ts';
import { eventFeeds } from './event-feeds.ts';

/*
 * Generations in this process: what @tessera/store and @tessera/worker do, before they are here. It keeps no priority, no
 * deadline and no key.
 */

/** Waiting behind the one that runs; more would only fill the disk and wait for hours. */
const MOST_WAITING = 32;

interface RunnerParts {
  readonly log: EventLog;
  readonly blobs: Blobs;
  /** The file of a picture that an edit names; the host is given what this has returned. */
  readonly fileOf: (id: string) => Promise<string | null>;
  readonly host: Host;
}

export interface Runner {
  readonly records: GenerationRecords;
  readonly streams: Streams;
  close(): Promise<void>;
}

/**
 * Takes up what an earlier process left: queued generations are queued again; running ones fail with `interrupted`,
 * for one that ended a process once may do so again.
 */
export async function openRunner(parts: RunnerParts): Promise<Runner> {
  const runner = new OldRunner(parts);
  await runner.resume();
  return runner;
}

class OldRunner implements Runner {
  readonly #log: EventLog;
  readonly #blobs: Blobs;
  readonly #fileOf: RunnerParts['fileOf'];
  readonly #host: Host;
  readonly #feeds = eventFeeds((id, after) => this.#log.eventsAfter(id, after));
  readonly #endings: Endings = endings((id, body) => this.#append(id, body));
  readonly #runs = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  #storing = 0;
  #closing = false;

  constructor({ log, blobs, fileOf, host }: RunnerParts) {
    this.#log = log;
    this.#blobs = blobs;
    this.#fileOf = fileOf;
    this.#host = host;
  }

  readonly records: GenerationRecords = {
    create: async (wanted) => ({ generation: toStored(await this.#create(wanted)), existed: false }),
    find: async (id) => {
      const found = await this.#log.find(id);
      return found && toStored(found);
    },
    list: async (_filter, { count }) => {
      const found = await this.#log.newest(count);
      return {
        generations: found.map((one) => ({ ...toStored(one), cursor: one.id })),
        hasNewer: false,
        hasOlder: false,
      };
    },
    count: async () => (await this.#log.newest(1_000_000)).length,
    cancel: async (id) => {
      this.#runs.get(id)?.controller.abort();
      return this.records.find(id, null);
    },
    remove: () => Promise.resolve(false),
    eventsAfter: async (wanted) => {
      const found = new Map<string, readonly StoredEvent[]>();
      for (const { id, after, most } of wanted) {
        found.set(id, (await this.#log.eventsAfter(id, after)).slice(0, most).map(toStoredEvent));
      }
      return found;
    },
    places: () => Promise.resolve([]),
  };

  readonly streams: Streams = {
    events: async (_owner: Owner, id: string, after: number) => {
      const generation = /^[0-9a-f-]{36}$/i.test(id) ? await this.#log.find(id) : null;
      if (!generation) throw unknown(id);
      const { state, lastSeq } = generation;
      if (after < 0 || after > lastSeq) throw outOfRange(after, lastSeq);
      const reader = this.#feeds.follow(id, after);
      // Nothing can come any more: the reader has seen the last event.
      if (after >= lastSeq && state !== 'queued' && state !== 'running') await reader.return?.();
      return reader as AsyncIterableIterator<StoredEvent>;
    },
    close: () => undefined,
  };

  async resume(): Promise<void> {
    for (const generation of await this.#log.unfinished()) {
      if (generation.state === 'queued') await this.#startAgain(generation);
      else await this.#endings.write(generation.id, failed(interrupted()));
    }
  }

  async #create({ id, request }: NewGeneration): Promise<Generation> {
    if (this.#runs.size + this.#storing > MOST_WAITING) throw queueFull();
    // Counted until it is queued: many may ask while the first is being stored.
    this.#storing += 1;
    try {
      return await this.#store(id, request as Checked<GenerationRequest>);
    } finally {
      this.#storing -= 1;
    }
  }

  async #store(id: string, request: Checked<GenerationRequest>): Promise<Generation> {
    let generation: Generation;
    try {
      generation = await this.#log.create(id, request);
    } catch (error) {
      // Refused, but perhaps stored all the same: then it has to end.
      await this.#endings.write(id, failed(storageFailed()));
      throw error;
    }
    this.#start(id, request);
    return generation;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#host.dispose();
    await Promise.all([...this.#runs.values()].map((run) => run.ended));
    await this.#endings.close();
  }

  /** Queues it at the host, which keeps the order of the calls. */
  #start(id: string, request: Checked<GenerationRequest>): void {
    const controller = new AbortController();
    const events = this.#host.run(request, { signal: controller.signal });
    const ended = this.#record(id, events).finally(() => this.#runs.delete(id));
    this.#runs.set(id, { controller, ended });
  }

  /** A request from the database is checked once more: its model may have changed since, or be gone. */
  async #startAgain({ id, request }: Generation): Promise<void> {
    try {
      for (const name of namesOf(request.edit)) await this.#fileOf(name);
      this.#start(id, this.#host.check(request));
    } catch (error) {
      if (!isTesseraError(error)) throw error;
      await this.#endings.write(id, failed(error));
    }
  }

  /** Never throws. Where the log or the disk fails before the end, the model is stopped and that is the end. */
  async #record(id: string, events: AsyncIterable<HostEvent>): Promise<void> {
    const images: string[] = [];
    try {
      for await (const event of events) {
        // What the end of the server does to a generation is for the next start to say.
        if (this.#closing) return;
        if (event.type === 'loading') continue;
        if (event.type === 'image') {
          images[event.index] = await this.#blobs.put(event.png);
          continue;
        }
        const body = await this.#toBody(event, images);
        if (isLast(body.kind)) return await this.#endings.write(id, body);
        await this.#append(id, body);
      }
    } catch (error) {
      console.error(printable(`[api] generation ${id} could not be stored: ${messageOf(error)}`));
      await this.#endings.write(id, failed(storageFailed()));
    }
  }

  async #toBody(
    event: Exclude<HostEvent, { type: 'image' | 'loading' }>,
    images: readonly string[],
  ): Promise<EventBody> {
    if (event.type === 'completed') return { kind: 'completed', images, timings: event.timings };
    if (event.type === 'canceled') return { kind: 'canceled' };
    if (event.type === 'failed') return { kind: 'failed', code: event.code, message: event.message };
    if (event.type !== 'step') return { kind: 'started' };
    const { index, of, milliseconds } = event;
    const previews =
      event.previews &&
      (await Promise.all(event.previews.map((png) => png && this.#blobs.put(png, { durable: false }))));
    return { kind: 'step', index, of, positions: onlyDifferent(event.positions), previews, milliseconds };
  }

  async #append(id: string, body: EventBody): Promise<void> {
    const added = await this.#log.append(id, body);
    if (added) this.#feeds.ring(id);
  }
}

function toStored(one: Generation): Stored {
  const owner = { tenant: '', client: '' };
  const attempt = one.state === 'queued' ? 0 : 1;
  return { ...one, owner, attempt, priority: 0, deadline: null, retryOf: null, startedAt: null };
}

function toStoredEvent(event: EventBody & { readonly seq: number; readonly at: Date }): StoredEvent {
  return { sprite: null, details: null, ...event } as StoredBody & { seq: number; at: Date };
}

function namesOf(edit: EditRequest | undefined): string[] {
  return [edit?.image, edit?.mask].filter((name) => name !== undefined);
}

/** One list where all images have the same positions. */
function onlyDifferent(positions: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const first = String(positions[0]);
  return positions.every((one) => String(one) === first) ? positions.slice(0, 1) : positions;
}

function failed({ code, message }: TesseraError): EventBody {
  return { kind: 'failed', code, message };
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function interrupted(): TesseraError {
  return new TesseraError({
    code: 'interrupted',
    who: 'api',
    got: 'the end of the server while this generation was running',
    expected: 'it to finish',
    next: 'Send the request again: the same seed gives the same images.',
  });
}

function unknown(id: string): TesseraError {
  return new TesseraError({
    code: 'unknown-generation',
    who: 'api',
    got: `the generation id ${id.slice(0, 60)}`,
    expected: 'the id that createGeneration returned',
    next: 'Query generations for the newest ones.',
  });
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

function queueFull(): TesseraError {
  return new TesseraError({
    code: 'queue-full',
    who: 'createGeneration',
    got: `one more generation while ${MOST_WAITING} wait`,
    expected: `at most ${MOST_WAITING} waiting`,
    next: 'Send it again when one of them has ended, or cancel one.',
    retryAfter: 10,
  });
}
