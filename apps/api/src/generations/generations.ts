import { randomUUID } from 'node:crypto';
import { isSha256 } from '@tessera/blobs';
import { readEdit, type KnownModels, type ModelDescription } from '@tessera/host';
import { batchKey, type Checked, type GenerationRequest, type RequestedImage } from '@tessera/request';
import type {
  Generation,
  GenerationEvent,
  GenerationFilter,
  GenerationRecords,
  NewGeneration,
  Owner,
  Page,
  PageRequest,
  PictureRecords,
  QueueLimits,
  QueuePlace,
} from '@tessera/store';
import { isQuotaError, type Quotas } from '../guard/quotas.ts';
import { unknownGeneration } from '../streams/unknown-generation.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { withPictures } from './condition-pictures.ts';
import { readInput, type GenerationInput } from './read-input.ts';
import { readWishes } from './read-wishes.ts';
import { requireFewDetails } from './token-details.ts';
import { unknownPicture } from './unknown-picture.ts';

/** What the API knows of its models: no weights are needed for any of it. */
export type Models = KnownModels;

/** Everything that clients can do with generations. To each owner, those of other tenants are not there. */
export interface Generations {
  /**
   * Accepted means stored: a worker takes it up. `existed`: an earlier request of the same key has made it.
   * @throws TesseraError `queue-full`, `idempotency-conflict`, `unknown-picture`, `details-too-many`, and the codes of `readInput`, `readWishes`,
   * of `withPictures`, of the models' `check` and of `readEdit`
   */
  create(owner: Owner, input: GenerationInput): Promise<Created>;
  /**
   * The request of a generation once more. A new seed makes other images.
   * @throws TesseraError `unknown-generation`, and as `create`: its model may have changed, or be gone
   */
  retry(owner: Owner, id: string, again: Again): Promise<Created>;
  /** @throws TesseraError `unknown-generation` */
  find(owner: Owner, id: string): Promise<Generation>;
  findIfThere(owner: Owner, id: string): Promise<Generation | null>;
  list(owner: Owner, filter: Filter, page: PageRequest): Promise<Page>;
  count(owner: Owner, filter: Filter): Promise<number>;
  /**
   * Asks for the end; the event `canceled` says when it came. No-op for one that has ended.
   * @throws TesseraError `unknown-generation`
   */
  cancel(owner: Owner, id: string): Promise<Generation>;
  /**
   * Deletes it with its events.
   * @throws TesseraError `unknown-generation`
   */
  remove(owner: Owner, id: string): Promise<void>;
  /** Stored events of a generation that its owner has found. */
  eventsAfter(id: string, after: number, most: number): Promise<readonly GenerationEvent[]>;
  /** Where those stand that wait, by id. */
  places(): Promise<ReadonlyMap<string, QueuePlace>>;
}

export interface Created {
  readonly generation: Generation;
  readonly existed: boolean;
}

export interface Again {
  readonly seed?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** The tenant is the owner's. */
export type Filter = Omit<GenerationFilter, 'tenant'>;

export interface GenerationParts {
  readonly records: GenerationRecords;
  readonly models: Models;
  readonly pictures: Pick<PictureRecords, 'editable'>;
  /** The file of a stored picture. */
  readonly fileOf: (sha256: string) => Promise<string | null>;
  readonly limits: QueueLimits;
  readonly quotas: Quotas;
  readonly webhooks: Pick<Webhooks, 'add'>;
}

type How = Pick<NewGeneration, 'priority' | 'deadline' | 'idempotencyKey' | 'retryOf' | 'cancelAfterMs'> &
  Pick<GenerationInput, 'webhook'>;

/** How long one look at the queue holds for all who ask, in milliseconds. */
const PLACES_HOLD_MS = 250;

export function createGenerations(parts: GenerationParts): Generations {
  return new GenerationService(parts);
}

class GenerationService implements Generations {
  readonly #parts: GenerationParts;
  #places: { readonly until: number; readonly found: Promise<ReadonlyMap<string, QueuePlace>> } | null = null;

  constructor(parts: GenerationParts) {
    this.#parts = parts;
  }

  create(owner: Owner, input: GenerationInput): Promise<Created> {
    return this.#queue(owner, readInput(input, this.#parts.models.models()), { ...readWishes(input), retryOf: null });
  }

  async retry(owner: Owner, id: string, { seed, idempotencyKey }: Again): Promise<Created> {
    const { request, priority } = await this.find(owner, id);
    const again = seed == null ? request : { ...request, seed, images: request.images.map(withoutSeed) };
    return this.#queue(owner, again, { ...readWishes({ priority, idempotencyKey }), retryOf: id });
  }

  async #queue(owner: Owner, wanted: GenerationRequest, { webhook, ...how }: How): Promise<Created> {
    const { models, records, webhooks } = this.#parts;
    const model = models.models().find(({ name }) => name === wanted.model);
    const request = models.check(await withPictures(owner, wanted, { ...this.#parts, model }));
    requireFewDetails(request, this.#modelOf(request));
    await this.#checkEdit(owner, request);
    const id = randomUUID();
    // Before the generation, so that none is without it.
    if (webhook) await webhooks.add(id, owner, webhook);
    const asked = { id, owner, request, batchKey: batchKey(request, id), ...how };
    try {
      return await this.#charge(owner, request, () => records.create(asked, this.#limitsOf(owner)));
    } catch (error) {
      // What the same key has made before is there also for one who may make nothing more.
      if (!isQuotaError(error) || how.idempotencyKey === null) throw error;
      return records.create(asked, { maxQueue: 0, maxQueueOfClient: 0 }).catch(() => {
        throw error;
      });
    }
  }

  async #charge(owner: Owner, request: Checked<GenerationRequest>, create: () => Promise<Created>): Promise<Created> {
    const refund = await this.#parts.quotas.chargeGeneration(owner, this.#pixelSteps(request));
    try {
      const created = await create();
      if (created.existed) await refund();
      return created;
    } catch (error) {
      await refund();
      throw error;
    }
  }

  #pixelSteps(request: Checked<GenerationRequest>): number {
    const { height, width } = this.#modelOf(request).image;
    return height * width * request.images.length * this.#parts.models.steps(request);
  }

  /** With the image and the tokens of the size that the request has. */
  #modelOf(request: Checked<GenerationRequest>): ModelDescription {
    const { models } = this.#parts;
    const model = models.models().find(({ name }) => name === request.model)!;
    if (!request.size) return model;
    return { ...model, image: { ...model.image, ...request.size }, tokens: models.layout(request).length };
  }

  #limitsOf(owner: Owner): QueueLimits {
    const { quotas, limits } = this.#parts;
    const { waiting } = quotas.limitsOf(owner);
    return { ...limits, maxQueueOfClient: Math.min(limits.maxQueueOfClient, waiting ?? Infinity) };
  }

  /** Looks at its pictures now, so that what is wrong with them is refused rather than queued. */
  async #checkEdit(owner: Owner, request: Checked<GenerationRequest>): Promise<void> {
    const { edit } = request;
    if (!edit) return;
    // PostgreSQL takes no text with a zero in it.
    const pictures = [edit.image, edit.mask ?? ''].filter(isSha256);
    const own = await this.#parts.pictures.editable(pictures, owner.tenant);
    const files = new Map<string, string>();
    for (const [sha256, place] of [
      [edit.image, ['image']],
      [edit.mask, ['region', 'mask']],
    ] as const) {
      if (sha256 === undefined) continue;
      const file = own.has(sha256) ? await this.#parts.fileOf(sha256) : null;
      if (file === null) throw unknownPicture(sha256, ['input', 'edit', ...place]);
      files.set(sha256, file);
    }
    const { image: size } = this.#modelOf(request);
    await readEdit(edit, { size, who: 'createGeneration', fileOf: (sha256) => files.get(sha256)! });
  }

  async find(owner: Owner, id: string): Promise<Generation> {
    const generation = await this.findIfThere(owner, id);
    if (!generation) throw unknownGeneration(id);
    return generation;
  }

  findIfThere(owner: Owner, id: string): Promise<Generation | null> {
    return this.#parts.records.find(id, owner.tenant);
  }

  list({ tenant }: Owner, filter: Filter, page: PageRequest): Promise<Page> {
    return this.#parts.records.list({ ...filter, tenant }, page);
  }

  count({ tenant }: Owner, filter: Filter): Promise<number> {
    return this.#parts.records.count({ ...filter, tenant });
  }

  async cancel(owner: Owner, id: string): Promise<Generation> {
    await this.find(owner, id);
    const generation = await this.#parts.records.cancel(id);
    if (!generation) throw unknownGeneration(id);
    return generation;
  }

  async remove(owner: Owner, id: string): Promise<void> {
    await this.find(owner, id);
    if (!(await this.#parts.records.remove(id))) throw unknownGeneration(id);
  }

  async eventsAfter(id: string, after: number, most: number): Promise<readonly GenerationEvent[]> {
    const events = await this.#parts.records.eventsAfter([{ id, after: Math.max(0, after), most }]);
    return events.get(id) ?? [];
  }

  places(): Promise<ReadonlyMap<string, QueuePlace>> {
    if (this.#places && this.#places.until > performance.now()) return this.#places.found;
    const found = this.#parts.records.places().then((places) => new Map(places.map((one) => [one.id, one])));
    this.#places = { until: performance.now() + PLACES_HOLD_MS, found };
    // An error is told to those who asked alone.
    found.catch(() => (this.#places = null));
    return found;
  }
}

/** Its own seed would make the same image again. */
function withoutSeed({ condition }: RequestedImage): RequestedImage {
  return { condition };
}
