import { isTesseraError } from '@tessera/errors';
import type { Append, Claim, EventBody, WorkQueue } from '@tessera/store';
import { Pauses } from './pauses.ts';

/** Events of one statement, at most: a round that is larger keeps others waiting. */
const ROUND_EVENTS = 256;
/** From the begin of one statement to that of the next, in milliseconds: a model may be faster than any reader looks. */
const ROUND_MS = 5;

/** What the owner of a claim wants to know of its events. */
export interface LineListener {
  /** The claim is another's by now, or gone: nothing more of it is accepted. */
  lost(): void;
  /** The database does not take these events, whatever one waits for. */
  refused(error: unknown): void;
}

/** Events of one claim, in order. */
export interface Line {
  push(body: EventBody, more?: Pick<Append, 'tokens' | 'pictures'>): void;
  /** Forgets what is not yet sent. */
  drop(): void;
  /** Resolves when all that was pushed is in the log, or the claim is lost. It is written at once. */
  written(): Promise<void>;
}

/**
 * Writes events to the log, one statement at a time: what comes while one is in flight, or soon after it began, goes with
 * the next. Where the database fails they are kept and tried again, each claim alone, so that one that cannot be written holds up no other.
 */
export class Appender {
  readonly #queue: Pick<WorkQueue, 'append'>;
  readonly #report: (line: string) => void;
  readonly #lines = new Set<ClaimLine>();
  #busy = false;
  /** When the newest statement began, in milliseconds of `performance.now()`. */
  #began = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(queue: Pick<WorkQueue, 'append'>, report: (line: string) => void) {
    this.#queue = queue;
    this.#report = report;
  }

  /** `seq` is the claim's newest event in the log. */
  open(claim: Claim, seq: number, listener: LineListener): Line {
    return new ClaimLine({ claim, seq, listener, ready: (line) => this.#take(line) });
  }

  /** Tries at once what rests after a failure. */
  hurry(): void {
    for (const line of this.#lines) line.restsUntil = 0;
    this.#pump();
  }

  #take(line: ClaimLine): void {
    this.#lines.add(line);
    this.#pump();
  }

  #pump(): void {
    if (this.#busy) return;
    clearTimeout(this.#timer);
    const now = performance.now();
    const round = this.#nextRound(now);
    const next = round.some(({ isAwaited }) => isAwaited) ? now : this.#began + ROUND_MS;
    if (round.length > 0 && next <= now) {
      this.#busy = true;
      this.#began = now;
      void this.#write(round).then(() => {
        this.#busy = false;
        this.#pump();
      });
    } else if (this.#lines.size > 0) {
      const rest = Math.min(...[...this.#lines].map(({ restsUntil }) => restsUntil));
      this.#timer = setTimeout(() => this.#pump(), Math.max(1, Math.max(rest, next) - now));
    }
  }

  /** Lines that failed before are tried alone: whichever of them the database does not take, the others go on. */
  #nextRound(now: number): readonly ClaimLine[] {
    const awake = [...this.#lines].filter(({ restsUntil }) => restsUntil <= now);
    const alone = awake.find(({ suspect }) => suspect);
    if (alone) return [alone];
    let events = 0;
    return awake.filter((line, index) => {
      events += line.events.length;
      return index === 0 || events <= ROUND_EVENTS;
    });
  }

  async #write(round: readonly ClaimLine[]): Promise<void> {
    const sent = round.map((line) => ({ line, events: line.events.slice(0, ROUND_EVENTS) }));
    try {
      const lost = await this.#queue.append(sent.flatMap(({ events }) => events));
      for (const { line, events } of sent) {
        if (lost.some((claim) => isSame(claim, line.claim))) line.lose();
        else line.done(events);
      }
    } catch (error) {
      this.#fail(round, error);
    }
    for (const line of round) if (line.events.length === 0) this.#lines.delete(line);
  }

  #fail(round: readonly ClaimLine[], error: unknown): void {
    for (const line of round) line.suspect = true;
    if (round.length > 1) return;
    const [line] = round as [ClaimLine];
    if (!isTesseraError(error) || error.code !== 'storage-failed') return line.refuse(error);
    if (line.restsUntil === 0) {
      this.#report(`[worker] generation ${line.claim.id} is kept until it can be written: ${causeOf(error)}`);
    }
    line.rest();
  }
}

interface LineParts {
  readonly claim: Claim;
  readonly seq: number;
  readonly listener: LineListener;
  readonly ready: (line: ClaimLine) => void;
}

class ClaimLine implements Line {
  readonly claim: Claim;
  readonly events: Append[] = [];
  /** A round with it has failed. */
  suspect = false;
  /** In milliseconds of `performance.now()`; 0 where it did not fail. */
  restsUntil = 0;
  readonly #parts: LineParts;
  readonly #pauses = new Pauses();
  #seq: number;
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(parts: LineParts) {
    this.claim = parts.claim;
    this.#seq = parts.seq;
    this.#parts = parts;
  }

  push(body: EventBody, more: Pick<Append, 'tokens' | 'pictures'> = {}): void {
    if (this.#closed) return;
    const { id, attempt } = this.claim;
    this.events.push({ id, attempt, seq: ++this.#seq, body, ...more });
    this.#parts.ready(this);
  }

  drop(): void {
    this.#closed = true;
    this.#forget();
  }

  /** Somebody waits until it is written. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  written(): Promise<void> {
    if (this.events.length === 0) return Promise.resolve();
    const written = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#parts.ready(this);
    return written;
  }

  /** These are in the log. */
  done(events: readonly Append[]): void {
    // Nothing is left of them where it was dropped meanwhile.
    if (this.events[0] === events[0]) this.events.splice(0, events.length);
    this.suspect = false;
    this.restsUntil = 0;
    this.#pauses.reset();
    if (this.events.length === 0) this.#wake();
  }

  rest(): void {
    this.restsUntil = performance.now() + this.#pauses.next();
  }

  lose(): void {
    this.drop();
    this.#parts.listener.lost();
  }

  refuse(error: unknown): void {
    this.drop();
    this.#parts.listener.refused(error);
  }

  #forget(): void {
    this.events.length = 0;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function isSame(one: Claim, other: Claim): boolean {
  return one.id === other.id && one.attempt === other.attempt;
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
