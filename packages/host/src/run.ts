import { Batch } from './batch.ts';
import { warm, type OpenModels } from './open-models.ts';
import { failureParts, type FromChild, type HostEvent, type Job, type JobEvent } from './protocol.ts';

interface RunParts {
  readonly folder: string;
  /** Of the model. */
  readonly parameters: number;
  readonly models: OpenModels;
  readonly batchBytes: number;
  send(message: FromChild): void;
}

/** Jobs of one model, from loading it to the end of the last. */
export class Run {
  readonly id: number;
  readonly #parts: RunParts;
  /** Jobs that came before the model was there. */
  #early: Job[] = [];
  #loading = false;
  readonly #warming = new AbortController();
  #batch: Batch | null = null;
  #stopped = false;
  /** All that was told so far has been sent. */
  #sent: Promise<unknown> = Promise.resolve();

  constructor(id: number, parts: RunParts) {
    this.id = id;
    this.#parts = parts;
  }

  add(jobs: readonly Job[]): void {
    if (this.#batch) this.#batch.add(jobs);
    else this.#early.push(...jobs);
    if (this.#loading) this.#tellAll(jobs, this.#loadingEvent(jobs));
  }

  leave(key: number): void {
    const early = this.#early.filter((job) => job.key === key);
    this.#early = this.#early.filter((job) => job.key !== key);
    this.#tellAll(early, { type: 'canceled' });
    this.#batch?.leave(key);
    if (this.#batch?.deserted) this.#warming.abort();
  }

  stop(): void {
    this.#stopped = true;
    this.#warming.abort();
    this.#batch?.stop();
  }

  /** Never throws. */
  async go(): Promise<void> {
    if (!this.#stopped) await this.#open();
    if (!this.#stopped) await this.#batch?.run();
    if (!this.#stopped) return;
    await this.#sent;
    this.#parts.send({ type: 'stopped', run: this.id });
  }

  async #open(): Promise<void> {
    const { folder, parameters, models, batchBytes } = this.#parts;
    try {
      this.#loading = !models.has(folder);
      if (this.#loading) this.#tellAll(this.#early, this.#loadingEvent(this.#early));
      const model = await models
        .open(folder, parameters)
        .finally(() => this.#parts.send({ type: 'loaded', models: models.names }));
      this.#batch = new Batch({ model, batchBytes, tell: (events, room) => this.#tell(events, room) });
      this.#batch.add(this.#early.splice(0));
      if (this.#loading) await warm(model, this.#warming.signal);
      this.#loading = false;
    } catch (error) {
      this.#tellAll(this.#early.splice(0), { type: 'failed', ...failureParts(error) });
    }
  }

  #loadingEvent([first]: readonly Job[]): HostEvent {
    return { type: 'loading', model: first?.request.model ?? '' };
  }

  #tellAll(jobs: readonly Job[], event: HostEvent): void {
    if (jobs.length > 0) void this.#tell(Promise.resolve(jobs.map(({ key }) => ({ key, event }))), 0);
  }

  /** In order; the answer is that all before has been sent. */
  async #tell(events: Promise<readonly JobEvent[]>, room: number): Promise<void> {
    const before = this.#sent;
    this.#sent = Promise.all([events, before]).then(([told]) =>
      this.#parts.send({ type: 'events', run: this.id, events: told, room }),
    );
    await before;
  }
}
