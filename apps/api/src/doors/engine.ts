import { buffer } from 'node:stream/consumers';
import type { Blobs } from '@tessera/blobs';
import { TesseraError } from '@tessera/errors';
import type { ModelDescription } from '@tessera/host';
import type { Generation, Owner } from '@tessera/store';
import type { FollowedEvent } from '../streams/followed-event.ts';
import type { GenerationInput } from '../generations/read-input.ts';
import type { Upload, Uploads } from '../images/uploads.ts';
import type { ApiParts } from '../schema/builder.ts';

/** What REST routes need of the service: the same as GraphQL has, so that both do the same. */
export interface Engine {
  models(): readonly ModelDescription[];
  /** @throws TesseraError as `createGeneration` */
  create(owner: Owner, input: GenerationInput, idempotencyKey: string | null): Promise<Generation>;
  /** @throws TesseraError `unknown-generation`, as all below */
  find(owner: Owner, id: string): Promise<Generation>;
  cancel(owner: Owner, id: string): Promise<Generation>;
  /** Events after `seq`, then live ones, until the last. */
  events(owner: Owner, id: string, after: number): Promise<AsyncIterableIterator<FollowedEvent>>;
  /** @throws TesseraError as `Uploads.add` */
  upload(owner: Owner, bytes: Uint8Array): Promise<Upload>;
  /** The bytes of a stored picture. @throws TesseraError `storage-failed`, also where it is gone */
  picture(sha256: string): Promise<Buffer>;
  /** Path of a picture on this server, signed where that is needed. */
  urlOf(sha256: string): string;
  /** True once this server ends its connections itself: that is no client's wish. */
  isClosing(): boolean;
}

interface EngineParts {
  readonly parts: ApiParts;
  readonly uploads: Uploads;
  readonly blobs: Blobs;
  readonly isClosing: () => boolean;
}

export function engineOf({ parts, uploads, blobs, isClosing }: EngineParts): Engine {
  const { models, generations, streams, urls } = parts;
  return {
    isClosing,
    urlOf: (sha256) => urls.of(sha256),
    models: () => models.models(),
    async create(owner, input, idempotencyKey) {
      return (await generations.create(owner, { ...input, idempotencyKey })).generation;
    },
    find: (owner, id) => generations.find(owner, id),
    cancel: (owner, id) => generations.cancel(owner, id),
    events: (owner, id, after) => streams.events(owner, id, after),
    upload: (owner, bytes) => uploads.add(owner, bytes),
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
