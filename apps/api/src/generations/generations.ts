import { readEdit, type Host, type HostEvent } from '@tessera/host';
import { TesseraError } from '@tessera/errors';
import { logError } from '../log-error.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { Uploads } from '../uploads/uploads.ts';
import { checkInput, type GenerationInput } from './check-input.ts';
import { toHostRequest, type GenerationRequest } from './edit-request.ts';
import type { EventLog } from './event-log.ts';
import { bell, tailEvents } from './event-tail.ts';
import type { EventBody, Generation, GenerationEvent } from './records.ts';

/** Waiting behind the one that runs; more would only fill the disk and wait for hours. */
const MOST_WAITING = 32;

/** Everything that clients can do with generations. */
export interface Generations {
  /**
   * Accepted means stored: it survives the end of this process.
   * @throws TesseraError `queue-full`, `unknown-picture`, and the codes of `checkInput` and of the host's `readEdit`
   */
  create(input: GenerationInput): Promise<Generation>;
  find(id: string): Promise<Generation>;
  newest(count: number): Promise<Generation[]>;
  /** Asks for the end; the event `canceled` says when it came. No-op for one that has ended. */
  cancel(id: string): Promise<Generation>;
  /**
   * Events after `seq`, then live ones, until the last.
   * @throws TesseraError `after-out-of-range`, `unknown-generation`
   */
  events(id: string, after: number): Promise<AsyncIterableIterator<GenerationEvent>>;
  /** Ends the models' process. Queued generations run at the next start. */
  close(): Promise<void>;
}

interface GenerationParts {
  readonly log: EventLog;
  readonly blobs: BlobStore;
  readonly uploads: Uploads;
  readonly host: Host;
}

/**
 * Takes up what an earlier process left: queued generations are queued again; running ones fail with `interrupted`,
 * for one that ended a process once may do so again.
 */
export async function openGenerations(parts: GenerationParts): Promise<Generations> {
  const service = new GenerationService(parts);
  await service.resume();
  return service;
}

class GenerationService implements Generations {
  readonly #log: EventLog;
  readonly #blobs: BlobStore;
  readonly #uploads: Uploads;
  readonly #host: Host;
  readonly #bell = bell();
  readonly #runs = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  #storing = 0;
  #closing = false;

  constructor({ log, blobs, uploads, host }: GenerationParts) {
    this.#log = log;
    this.#blobs = blobs;
    this.#uploads = uploads;
    this.#host = host;
  }

  async resume(): Promise<void> {
    for (const generation of await this.#log.unfinished()) {
      if (generation.state === 'queued') this.#start(generation);
      else await this.#append(generation.id, interrupted());
    }
  }

  async create(input: GenerationInput): Promise<Generation> {
    const request = checkInput(input, this.#host);
    if (this.#runs.size + this.#storing > MOST_WAITING) throw queueFull();
    // Counted until it is queued: many may ask while the first is being stored.
    this.#storing += 1;
    try {
      await this.#checkEdit(request);
      const generation = await this.#log.create(request);
      this.#start(generation);
      return generation;
    } finally {
      this.#storing -= 1;
    }
  }

  /** Looks at its pictures now, so that what is wrong with them is refused rather than queued. */
  async #checkEdit(request: GenerationRequest): Promise<void> {
    const { edit } = toHostRequest(request, this.#blobs);
    if (!edit) return;
    for (const id of [request.edit!.image, request.edit!.mask]) if (id !== undefined) await this.#uploads.require(id);
    const { image } = this.#host.models().find(({ name }) => name === request.model)!;
    await readEdit(edit, image, 'createGeneration');
  }

  async find(id: string): Promise<Generation> {
    const generation = await this.#log.find(id);
    if (!generation) throw unknown(id);
    return generation;
  }

  newest(count: number): Promise<Generation[]> {
    return this.#log.newest(count);
  }

  async cancel(id: string): Promise<Generation> {
    const generation = await this.find(id);
    this.#runs.get(id)?.controller.abort();
    return generation;
  }

  async events(id: string, after: number): Promise<AsyncIterableIterator<GenerationEvent>> {
    const { state, lastSeq } = await this.find(id);
    if (after < 0 || after > lastSeq) throw outOfRange(after, lastSeq);
    return tailEvents({
      after,
      ended: after >= lastSeq && state !== 'queued' && state !== 'running',
      read: (seq) => this.#log.eventsAfter(id, seq),
      listen: (heard) => this.#bell.listen(id, heard),
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#host.dispose();
    await Promise.all([...this.#runs.values()].map((run) => run.ended));
  }

  /** Queues it at the host, which keeps the order of the calls. */
  #start(generation: Generation): void {
    const controller = new AbortController();
    const events = this.#host.generate(toHostRequest(generation.request, this.#blobs), { signal: controller.signal });
    const ended = this.#record(generation.id, events)
      .catch((error: unknown) => this.#giveUp(generation.id, error))
      .finally(() => this.#runs.delete(generation.id));
    this.#runs.set(generation.id, { controller, ended });
  }

  async #record(id: string, events: AsyncIterable<HostEvent>): Promise<void> {
    const images: string[] = [];
    for await (const event of events) {
      // What the end of the server does to a generation is for the next start to say.
      if (this.#closing) return;
      if (event.type === 'image') images[event.index] = await this.#blobs.put(event.png);
      else await this.#append(id, await this.#toBody(event, images));
    }
  }

  async #toBody(event: Exclude<HostEvent, { type: 'image' }>, images: readonly string[]): Promise<EventBody> {
    if (event.type === 'completed') return { kind: 'completed', images, timings: event.timings };
    if (event.type === 'failed') return { kind: 'failed', code: event.code, message: event.message };
    if (event.type !== 'step') return { kind: event.type };
    const { index, of, milliseconds } = event;
    const previews = event.previews && (await Promise.all(event.previews.map((png) => this.#blobs.put(png))));
    return { kind: 'step', index, of, positions: onlyDifferent(event.positions), previews, milliseconds };
  }

  /** The log itself or the disk failed: say so where possible, and stop the model. */
  async #giveUp(id: string, error: unknown): Promise<void> {
    logError(`generation ${id} could not be recorded`, error);
    this.#runs.get(id)?.controller.abort();
    await this.#append(id, storageFailed()).catch(() => undefined);
  }

  async #append(id: string, body: EventBody): Promise<void> {
    const added = await this.#log.append(id, body);
    if (added) this.#bell.ring(id);
  }
}

/** One list where all images have the same positions. */
function onlyDifferent(positions: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const first = String(positions[0]);
  return positions.every((one) => String(one) === first) ? positions.slice(0, 1) : positions;
}

function interrupted(): EventBody {
  const { code, message } = new TesseraError({
    code: 'interrupted',
    who: 'api',
    got: 'an end of the server while this generation was running',
    expected: 'it to finish',
    next: 'Ask once more: the same seed gives the same images.',
  });
  return { kind: 'failed', code, message };
}

function storageFailed(): EventBody {
  const { code, message } = new TesseraError({
    code: 'storage-failed',
    who: 'api',
    got: 'an error while storing this generation',
    expected: 'room and permission in the data directory',
    next: "Look at the server's output, then ask once more.",
  });
  return { kind: 'failed', code, message };
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
    next: 'Ask once more when one of them has ended, or cancel one.',
  });
}
