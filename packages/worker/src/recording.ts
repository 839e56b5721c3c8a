import type { Blobs } from '@tessera/blobs';
import type { Append, Claimed, EventBody, Picture, Timings } from '@tessera/store';
import type { Line } from './appender.ts';
import type { HostEvent } from '@tessera/host';
import { pause, Pauses } from './pauses.ts';

export interface RecordingParts {
  readonly claimed: Claimed;
  readonly line: Line;
  readonly blobs: Pick<Blobs, 'put'>;
  /** Whether images must survive a power cut: of no use where the database does not. */
  readonly durable: boolean;
  /** How long a picture is tried again where it cannot be stored, in milliseconds. */
  readonly picturePatience: number;
  readonly report: (line: string) => void;
}

/**
 * Writes what happens to one claimed generation, in order: the pictures of an event are stored before it is appended.
 * No caller waits for it. After the last event, and after `stop`, it takes nothing more.
 */
export class Recording {
  /** Resolves when its last event is in the log, or its claim was lost. */
  readonly settled: Promise<void>;
  readonly #settle: (written: Promise<void>) => void;
  readonly #parts: RecordingParts;
  readonly #steps: number[];
  readonly #imageTimes: number[] = [];
  readonly #images: Promise<Picture>[] = [];
  readonly #abort = new AbortController();
  #last: Promise<void> = Promise.resolve();
  #ended = false;
  #failing = 0;
  #bytes = 0;

  constructor(parts: RecordingParts) {
    this.#parts = parts;
    this.#steps = [...parts.claimed.milliseconds];
    let settle: (written: Promise<void>) => void;
    this.settled = new Promise((resolve) => (settle = resolve));
    this.#settle = settle!;
  }

  /** Its last event has been taken, or `stop` was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes of pictures and tokens that are not yet written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Pictures that could not be stored, and are tried again. */
  get failing(): number {
    return this.#failing;
  }

  /** Resolves when all that was taken is in the log, or nothing more will be. */
  async written(): Promise<void> {
    await this.#last;
    await this.#parts.line.written();
  }

  take(event: HostEvent): void {
    if (this.#ended) return;
    switch (event.type) {
      case 'loading':
        return this.#push({ kind: 'loading', model: event.model });
      case 'started':
        return this.#push(this.#beginning(0));
      case 'restarted':
        return this.#push(this.#beginning(event.fromStep));
      case 'step':
        return this.#takeStep(event);
      case 'image':
        return this.#takeImage(event);
      case 'completed':
        return this.#complete();
      case 'canceled':
        return this.end({ kind: 'canceled' });
      case 'failed':
        return this.end({ kind: 'failed', code: event.code, message: event.message });
    }
  }

  /** Ends it with `failed` or `canceled`: what still waits for its pictures is left out. */
  end(body: EventBody): void {
    if (this.#ended) return;
    this.stop();
    this.#pushLast(body);
  }

  /** Takes nothing more, and leaves out what still waits for its pictures. */
  stop(): void {
    this.#ended = true;
    this.#abort.abort();
  }

  #beginning(fromStep: number): EventBody {
    const { attempt } = this.#parts.claimed;
    return attempt === 1 ? { kind: 'started' } : { kind: 'restarted', attempt, fromStep };
  }

  #takeStep(event: Extract<HostEvent, { type: 'step' }>): void {
    const { index, of, given, details, tokens, milliseconds } = event;
    this.#steps[index] = milliseconds;
    const positions = onlyDifferent(event.positions);
    const store = (png: Uint8Array | null) => png && this.#store(png, false);
    const stored = Promise.all([event.previews && Promise.all(event.previews.map(store)), store(event.sprite)]);
    this.#bytes += tokens.byteLength;
    this.#inOrder(stored, ([shown, sprite]) => {
      this.#bytes -= tokens.byteLength;
      const pictures = [...(shown ?? []), sprite].filter((one) => one !== null);
      const previews = shown && shown.map((one) => one && one.sha256);
      const step = { index, of, positions, ...(given && { given }), previews, details, milliseconds };
      this.#parts.line.push({ kind: 'step', ...step, sprite: sprite && sprite.sha256 }, { tokens, pictures });
    });
  }

  #takeImage({ index, png, milliseconds }: Extract<HostEvent, { type: 'image' }>): void {
    const stored = this.#store(png, this.#parts.durable);
    // Where it ends before it has completed, its images are not asked for.
    stored.catch(() => undefined);
    this.#images[index] = stored;
    this.#imageTimes.push(milliseconds);
  }

  #complete(): void {
    this.#ended = true;
    const timings = timingsOf(this.#steps, this.#imageTimes);
    this.#inOrder(Promise.all(this.#images), (pictures) => {
      const images = pictures.map(({ sha256 }) => sha256);
      this.#pushLast({ kind: 'completed', images, timings }, { pictures });
    });
  }

  #pushLast(body: EventBody, more?: Pick<Append, 'pictures'>): void {
    this.#parts.line.push(body, more);
    this.#settle(this.#parts.line.written());
  }

  #push(body: EventBody): void {
    this.#inOrder(Promise.resolve(), () => this.#parts.line.push(body));
  }

  /** Pushes an event after those before it, as soon as its pictures are stored. */
  #inOrder<T>(pictures: Promise<T>, push: (stored: T) => void): void {
    const before = this.#last;
    const stored = pictures.then(
      (value) => () => push(value),
      () => () => this.#giveUp(),
    );
    this.#last = before.then(async () => {
      const next = await stored;
      if (!this.#abort.signal.aborted) next();
    });
  }

  #giveUp(): void {
    this.stop();
    this.#pushLast(picturesNotStored);
  }

  /** @throws where it cannot be stored for too long, or is no longer wanted */
  async #store(png: Uint8Array, durable: boolean): Promise<Picture> {
    const { blobs, picturePatience, report, claimed } = this.#parts;
    const { signal } = this.#abort;
    const pauses = new Pauses();
    const until = performance.now() + picturePatience;
    let failed = false;
    this.#bytes += png.byteLength;
    try {
      for (;;) {
        try {
          return { sha256: await blobs.put(png, { durable }), ...sizeOf(png) };
        } catch (error) {
          if (!failed)
            report(`[worker] a picture of generation ${claimed.id} is kept until it can be stored: ${String(error)}`);
          if (!failed) this.#failing += 1;
          failed = true;
          if (signal.aborted || performance.now() > until) throw error;
          await pause(pauses.next(), signal);
          signal.throwIfAborted();
        }
      }
    } finally {
      this.#bytes -= png.byteLength;
      if (failed) this.#failing -= 1;
    }
  }
}

const picturesNotStored: EventBody = {
  kind: 'failed',
  code: 'storage-failed',
  message:
    '[worker] got an error of its storage of pictures; expected room and permission there. Look at the output of the worker, then send it again.',
};

/** As the header of a PNG says. */
function sizeOf(png: Uint8Array): Omit<Picture, 'sha256'> {
  const header = new DataView(png.buffer, png.byteOffset);
  return { width: header.getUint32(16), height: header.getUint32(20), bytes: png.byteLength };
}

/** One list where all images have the same positions. */
function onlyDifferent(positions: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const first = String(positions[0]);
  return positions.every((one) => String(one) === first) ? positions.slice(0, 1) : positions;
}

function timingsOf(steps: readonly number[], images: readonly number[]): Timings {
  const total = [...steps, ...images].reduce((sum, one) => sum + one, 0);
  return { steps, images, total };
}
