import type { Blobs } from '@tessera/blobs';
import type { Claim, Claimed, ClaimRequest, Failure, Store } from '@tessera/store';
import { Appender, type Line } from './appender.ts';
import { untilDone } from './pauses.ts';
import { Recording } from './recording.ts';
import { onceInARow, wordsOf } from './reports.ts';
import type { WorkerOptions } from './worker-options.ts';

/** A generation that this worker has taken up and neither ended nor given back. */
export interface Held {
  readonly claimed: Claimed;
  readonly recording: Recording;
}

interface Opened extends Held {
  readonly line: Line;
  /** Cancels it at its time. */
  readonly timer: NodeJS.Timeout | undefined;
}

export interface ClaimsParts {
  readonly store: Pick<Store, 'queue' | 'kind'>;
  readonly blobs: Pick<Blobs, 'put'>;
  readonly worker: string;
  readonly options: WorkerOptions;
  /** The model need not go on with it. */
  leave(id: string): void;
}

/** Everything that this worker holds. A claim goes when its last event is in the log, and when it is lost or given back. */
export class Claims {
  readonly #parts: ClaimsParts;
  readonly #appender: Appender;
  readonly #all = new Map<string, Opened>();
  readonly #closed = new AbortController();
  readonly #report: ReturnType<typeof onceInARow>;
  #emptied: (() => void)[] = [];
  #calls = 0;

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
    this.#appender = new Appender(parts.store.queue, parts.options.report);
    this.#report = onceInARow(parts.options.report);
  }

  get held(): readonly Claimed[] {
    return [...this.#all.values()].map(({ claimed }) => claimed);
  }

  /** Images of those that have not ended. */
  get images(): number {
    const open = [...this.#all.values()].filter(({ recording }) => !recording.ended);
    return open.reduce((sum, { claimed }) => sum + claimed.request.images.length, 0);
  }

  /** Counts up when a claim begins, and when its answer has been taken. */
  get calls(): number {
    return this.#calls;
  }

  /** Bytes that are not yet written. */
  get bytes(): number {
    return this.#sum(({ bytes }) => bytes);
  }

  /** Pictures that could not be stored, and are tried again. */
  get failing(): number {
    return this.#sum(({ failing }) => failing);
  }

  /** What should run next. Empty where there is nothing, and where the database does not answer. */
  async claim(wanted: Omit<ClaimRequest, 'worker'>): Promise<readonly Held[]> {
    const { store, worker } = this.#parts;
    this.#calls += 1;
    try {
      const claimed = await store.queue.claim({ worker, ...wanted });
      this.#report(null);
      return claimed.map((one) => this.#open(one));
    } catch (error) {
      this.#report(`[worker] could not claim: ${wordsOf(error)}`);
      return [];
    } finally {
      this.#calls += 1;
    }
  }

  get(id: string): Held | undefined {
    return this.#all.get(id);
  }

  /** Somebody asked for its end. */
  cancel(id: string): void {
    const held = this.#all.get(id);
    if (!held || held.recording.ended) return;
    held.recording.end({ kind: 'canceled' });
    this.#parts.leave(id);
  }

  /** Another worker has it by now, or it is gone. */
  lose({ id, attempt }: Claim): void {
    const held = this.#all.get(id);
    if (held?.claimed.attempt !== attempt) return;
    held.recording.stop();
    held.line.drop();
    this.#forget(id);
    this.#parts.leave(id);
  }

  /** Writes what was made, and gives the rest back to the queue. `blame`: what they ended with, as `WorkQueue.release`. */
  async giveBack(all: readonly Held[], blame: Failure | null): Promise<void> {
    await Promise.all(all.map(({ recording }) => recording.written()));
    const rest = all.filter(
      ({ claimed, recording }) => this.#all.get(claimed.id)?.recording === recording && !recording.ended,
    );
    for (const { recording } of rest) recording.stop();
    await this.release(
      rest.map(({ claimed: { id, attempt } }) => ({ id, attempt })),
      blame,
    );
    for (const { claimed } of rest) this.#forget(claimed.id);
  }

  /** Tries until it succeeds; the lease does it for one who cannot. */
  async release(claims: readonly Claim[], blame: Failure | null): Promise<void> {
    if (claims.length === 0) return;
    const { queue } = this.#parts.store;
    const say = (error: unknown) => this.#report(`[worker] could not give back: ${wordsOf(error)}`);
    await untilDone(() => queue.release(claims, blame ?? undefined), say, this.#closed.signal);
  }

  /** Resolves when nothing is held; what failed to be written is tried at once. */
  empty(): Promise<void> {
    this.#appender.hurry();
    return this.#all.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#emptied.push(resolve));
  }

  /** Gives up what cannot be written. */
  close(): void {
    this.#closed.abort();
    for (const { recording, line, timer } of this.#all.values()) {
      clearTimeout(timer);
      recording.stop();
      line.drop();
    }
    this.#all.clear();
  }

  #open(claimed: Claimed): Held {
    const { blobs, options, store } = this.#parts;
    const line = this.#appender.open(claimed, claimed.lastSeq, {
      lost: () => this.lose(claimed),
      refused: (error) => this.#refuse(claimed, error),
    });
    const recording = new Recording({ claimed, line, blobs, durable: store.kind === 'postgresql', ...options });
    const { id, cancelInMs } = claimed;
    const timer = cancelInMs === null ? undefined : setTimeout(() => this.cancel(id), cancelInMs);
    clearTimeout(this.#all.get(id)?.timer);
    this.#all.set(id, { claimed, line, recording, timer });
    void recording.settled.then(() => this.#all.get(id)?.recording === recording && this.#forget(id));
    return this.#all.get(id)!;
  }

  /** The database does not take its events, whatever one waits for: another attempt may bring others. */
  #refuse(claimed: Claimed, error: unknown): void {
    const message = `[worker] got events that the database refuses (${wordsOf(error)}); expected it to take them. Report it together with the request.`;
    this.#parts.options.report(message);
    this.lose(claimed);
    void this.release([claimed], { code: 'worker-error', message });
  }

  #forget(id: string): void {
    clearTimeout(this.#all.get(id)?.timer);
    this.#all.delete(id);
    if (this.#all.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
  }

  #sum(of: (recording: Recording) => number): number {
    return [...this.#all.values()].reduce((sum, { recording }) => sum + of(recording), 0);
  }
}
