import type { Blobs } from '@tessera/blobs';
import type { BatchMember, BatchRun, Host, HostEvent } from '@tessera/host';
import type { EditRequest } from '@tessera/request';
import { BatchMeter, withinClaim } from '@tessera/telemetry';
import type { Claims, Held } from './claims.ts';
import { pause, untilDone } from './pauses.ts';
import { onceInARow, wordsOf } from './reports.ts';
import { Speeds } from './speeds.ts';
import type { WorkerOptions } from './worker-options.ts';

export interface BatchesParts {
  readonly host: Host;
  readonly claims: Claims;
  readonly options: WorkerOptions;
  readonly blobs: Pick<Blobs, 'fileOf'>;
}

/** Runs batches of held generations, one after the other; others of the same key join while one runs. */
export class Batches {
  readonly speeds = new Speeds();
  readonly #parts: BatchesParts;
  #run: BatchRun | null = null;
  /** Of the batch that runs; null where nothing may join it. */
  #key: string | null = null;
  #more = false;
  /** Others are being claimed for the batch that runs. */
  #joining: Promise<void> | null = null;
  /** Came too late for the batch that they were claimed for. */
  readonly #left: Held[] = [];
  #stopped = false;

  constructor(parts: BatchesParts) {
    this.#parts = parts;
  }

  get models(): readonly string[] {
    return this.#parts.host.models().map(({ name }) => name);
  }

  /** One batch, from its claim to its end. False where there was nothing to run. */
  async next(): Promise<boolean> {
    // What it claims for a batch that has ended meanwhile is the next one.
    await this.#joining;
    const left = this.#left.splice(0);
    const first = left.length > 0 ? left : await this.#claim();
    const members = await this.#checked(first);
    if (members.length > 0) await this.#through(first[0]!, members);
    return first.length > 0;
  }

  /** More is in the queue: others of the same key may join the batch that runs, after its next step. */
  more(): void {
    this.#more = true;
  }

  leave(id: string): void {
    this.#run?.leave(id);
  }

  /** Ends the batch at its next step, and begins no other. */
  stop(): void {
    this.#stopped = true;
    this.#run?.stop();
  }

  /** Gives back what no batch was begun for. */
  async end(): Promise<void> {
    await this.#joining;
    await this.#parts.claims.giveBack(this.#left.splice(0), null);
  }

  async #claim(): Promise<readonly Held[]> {
    const { claims, options } = this.#parts;
    const { maxBatch, maxDelayMs } = options;
    this.#more = false;
    const first = await claims.claim({ models: this.models, maxImages: maxBatch });
    const room = maxBatch - imagesOf(first);
    // What did not fit may join later.
    if (room <= 0) this.#more = true;
    if (first.length === 0 || room <= 0 || maxDelayMs === 0 || isAlone(first)) return first;
    await pause(maxDelayMs);
    const { batchKey } = first[0]!.claimed;
    return [...first, ...(await claims.claim({ models: this.models, maxImages: room, batchKey }))];
  }

  /** A request is checked once more: its model may have changed since it was accepted. */
  async #checked(all: readonly Held[]): Promise<readonly BatchMember[]> {
    const members = await Promise.all(all.map((held) => this.#checkedOne(held)));
    return members.filter((member) => member !== null);
  }

  async #checkedOne({ claimed: { id, request, tokens }, recording }: Held): Promise<BatchMember | null> {
    try {
      const checked = this.#parts.host.check(request);
      const files = request.edit && (await this.#filesOf(request.edit));
      return recording.ended ? null : { id, request: checked, written: tokens, ...(files && { files }) };
    } catch (error) {
      const { code = 'worker-error', message } = error as Error & { code?: string };
      recording.end({ kind: 'failed', code, message });
      return null;
    }
  }

  /** Of one that is gone: a file that is not there, which the host reports. */
  async #filesOf({ image, mask }: EditRequest): Promise<Readonly<Record<string, string>>> {
    const { blobs, options } = this.#parts;
    const report = onceInARow(options.report);
    const failed = (error: unknown) => report(`[worker] a picture to edit cannot be read: ${wordsOf(error)}`);
    const fileOf = async (sha256: string) => {
      const read = () => blobs.fileOf(sha256);
      return [sha256, (await untilDone(read, failed, AbortSignal.timeout(options.picturePatience))) ?? sha256];
    };
    const pictures = [image, mask].filter((sha256) => sha256 !== undefined);
    return Object.fromEntries(await Promise.all(pictures.map(fileOf)));
  }

  async #through({ claimed }: Held, members: readonly BatchMember[]): Promise<void> {
    const { host, claims } = this.#parts;
    const run = (this.#run = host.runBatch(members));
    this.#key = claimed.alone ? null : claimed.batchKey;
    if (this.#stopped) run.stop();
    const measured = this.speeds.measure(claimed.request.model);
    const meter = new BatchMeter(claimed.request.model);
    for await (const { id, event } of run.events) {
      const held = claims.get(id);
      withinClaim(id, () => held?.recording.take(event));
      measured.take(event);
      count(meter, held, event);
      if (event.type === 'step') this.#afterStep(run);
    }
    const { begun, unfinished, failure } = await run.ended;
    this.#run = this.#key = null;
    measured.end();
    meter.end();
    const rest = unfinished.flatMap((id) => claims.get(id) ?? []);
    const given = claims.giveBack(rest, begun ? failure : null);
    // A model that died is started again meanwhile; what it ended must not come back before the blame is written.
    if (failure) await given;
  }

  #afterStep(run: BatchRun): void {
    const { claims, options } = this.#parts;
    // Memory is bounded: what is not yet written is written first, and the rest goes on from there.
    if (claims.bytes > options.backlogBytes) run.stop();
    else if (this.#more && this.#key !== null && !this.#joining && !this.#stopped) {
      this.#joining = this.#join(run, this.#key).finally(() => (this.#joining = null));
    }
  }

  async #join(run: BatchRun, batchKey: string): Promise<void> {
    const { claims, options } = this.#parts;
    const maxImages = Math.min(run.room, options.maxBatch - claims.images);
    if (maxImages <= 0 || claims.failing > 0) return;
    this.#more = false;
    const more = await claims.claim({ models: this.models, maxImages, batchKey });
    const members = await this.#checked(more);
    if (members.length > 0 && !run.join(members)) this.#left.push(...more);
  }
}

function count(meter: BatchMeter, held: Held | undefined, event: HostEvent): void {
  if (event.type === 'image') meter.image(event.milliseconds);
  if (event.type !== 'step' || !held) return;
  const { positions, milliseconds } = event;
  // A single list holds for all images; images of another part have an empty one.
  const some = positions.filter((one) => one.length > 0).length;
  const images = positions.length === 1 ? held.claimed.request.images.length : some;
  meter.step({ id: held.claimed.id, images, milliseconds });
}

function imagesOf(all: readonly Held[]): number {
  return all.reduce((sum, { claimed }) => sum + claimed.request.images.length, 0);
}

function isAlone(all: readonly Held[]): boolean {
  return all.some(({ claimed }) => claimed.alone);
}
