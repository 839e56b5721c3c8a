import { buffer } from 'node:stream/consumers';
import type { Request, Response } from 'express';
import type { Blobs } from '@tessera/blobs';
import { TesseraError } from '@tessera/errors';
import type { ModelDescription } from '@tessera/host';
import type { Generation, Owner } from '@tessera/store';
import type { FollowedEvent } from '../streams/followed-event.ts';
import type { Created } from '../generations/generations.ts';
import type { GenerationInput } from '../generations/read-input.ts';
import type { Refusal } from '../guard/refusal.ts';
import type { EventStreams } from '../subscriptions/event-stream.ts';
import type { Upload, Uploads } from '../images/uploads.ts';
import type { ApiParts } from '../schema/builder.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';

/** What REST routes need of the service: the same as GraphQL has, so that both do the same. */
export interface Engine {
  models(): readonly ModelDescription[];
  /** Path of the picture of a model's samples; null where there is none. */
  samplesOf(model: string): string | null;
  /** @throws TesseraError as `createGeneration` */
  create(owner: Owner, input: GenerationInput): Promise<Created>;
  /** @throws TesseraError `unknown-generation`, as all below */
  find(owner: Owner, id: string): Promise<Generation>;
  cancel(owner: Owner, id: string): Promise<Generation>;
  remove(owner: Owner, id: string): Promise<void>;
  /** Events after `seq`, then live ones, until the last. */
  events(owner: Owner, id: string, after: number): Promise<AsyncIterableIterator<FollowedEvent>>;
  /** @throws TesseraError `quota-exceeded`, `rate-exceeded`, and as `Uploads.add` */
  upload(owner: Owner, bytes: Uint8Array): Promise<Upload>;
  /** The bytes of a stored picture. @throws TesseraError `storage-failed`, also where it is gone */
  picture(sha256: string): Promise<Buffer>;
  /** Path of a picture on this server, signed where that is needed. */
  urlOf(sha256: string): string;
  /** What messages of a tenant's webhooks are signed with. */
  webhookSecretOf(tenant: string): string;
  /** Counts a response as an open stream; or says why there may not be one more. */
  admitStream(request: Request, response: Response): Refusal | null;
}

interface EngineParts {
  readonly parts: ApiParts;
  readonly uploads: Uploads;
  readonly blobs: Blobs;
  readonly eventStreams: EventStreams;
  readonly webhooks: Pick<Webhooks, 'secretOf'>;
}

export function engineOf({ parts, uploads, blobs, eventStreams, webhooks }: EngineParts): Engine {
  const { models, generations, streams, urls, quotas } = parts;
  return {
    urlOf: (sha256) => urls.of(sha256),
    models: () => models.models(),
    samplesOf: (model) => models.samplesOf(model),
    webhookSecretOf: (tenant) => webhooks.secretOf(tenant),
    admitStream: (request, response) => eventStreams.admit(request, response),
    create: (owner, input) => generations.create(owner, input),
    remove: (owner, id) => generations.remove(owner, id),
    find: (owner, id) => generations.find(owner, id),
    cancel: (owner, id) => generations.cancel(owner, id),
    events: (owner, id, after) => streams.events(owner, id, after),
    async upload(owner, bytes) {
      await quotas.chargeUpload(owner, bytes.length);
      return uploads.add(owner, bytes);
    },
    async picture(sha256) {
      const blob = await blobs.read(sha256);
      if (blob) return buffer(blob.stream);
      throw new TesseraError({
        code: 'storage-failed',
        who: 'api',
        got: `the picture ${sha256}, which is no longer stored`,
        expected: 'its bytes',
        next: 'Send the request again: the same seed gives the same images.',
      });
    },
  };
}
