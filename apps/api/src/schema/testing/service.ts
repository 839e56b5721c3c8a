import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { graphql, type ExecutionResult } from 'graphql';
import { openBlobs } from '@tessera/blobs';
import { describeFolders } from '@tessera/host';
import { writeRandomModel } from '@tessera/host/testing';
import { openStore, type Store } from '@tessera/store';
import { fillDirectory } from '@tessera/store/testing/new-database';
import { readLimits } from '../../guard/limits.ts';
import { quotas as openQuotas } from '../../guard/quotas.ts';
import { createGenerations } from '../../generations/generations.ts';
import { webhooksOf } from '../../webhooks/webhooks-of.ts';
import { openStreams } from '../../streams/streams.ts';
import { openOverview } from '../../telemetry/queue-facts.ts';
import { contextOf, type ApiParts } from '../builder.ts';
import { createSchema } from '../schema.ts';

/** Any answer of a mutation. */
interface Answer {
  readonly __typename: string;
  readonly existed?: boolean;
  readonly generation?: { readonly id: string; readonly images: readonly { readonly seed: number }[] };
  readonly code?: string;
  readonly field?: readonly string[];
  readonly retryAfter?: number;
}

/** The schema over the store itself, with the model `quick` and without a worker: a test appends what becomes of generations. */
export interface TestService {
  readonly store: Store;
  /** What somebody of this tenant is answered; those of `admin` are admins. */
  ask<T>(source: string, variables?: object, tenant?: string): Promise<T>;
  /** Any of the mutations of generations. */
  change(name: string, input: object, tenant?: string): Promise<Answer>;
  create(input?: object, tenant?: string): Promise<Answer>;
  idOf(input?: object, tenant?: string): Promise<string>;
  close(): Promise<void>;
}

export async function openService(): Promise<TestService> {
  const root = mkdtempSync(join(tmpdir(), 'tessera-service-'));
  await writeRandomModel(join(root, 'quick'), { name: 'quick', width: 32, depth: 1, channels: 1 });
  fillDirectory(join(root, 'data'));
  const store = await openStore({ directory: join(root, 'data') });
  const blobs = await openBlobs(join(root, 'images'));
  const models = await describeFolders([join(root, 'quick')], null);
  const { generations: records, pictures: pictureRecords } = store;
  const quotas = openQuotas(store.database, () => readLimits({}));
  const limits = { maxQueue: 200, maxQueueOfClient: 60 };
  const fileOf = (sha256: string) => blobs.fileOf(sha256);
  const urls = { of: (sha256: string) => `/images/${sha256}.png` } as ApiParts['urls'];
  const webhooks = await webhooksOf(store, urls, { secret: null });
  const parts = { records, models, pictures: pictureRecords, fileOf, limits, quotas, webhooks };
  const generations = createGenerations(parts);
  const streams = openStreams(store);
  const overview = openOverview(store, 0);
  const asked = asker({ models, generations, pictureRecords, streams, urls, quotas, overview, hardened: false });
  return {
    store,
    ...asked,
    async close() {
      streams.close();
      await webhooks.close();
      await store.close();
      await blobs.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function asker(parts: ApiParts): Omit<TestService, 'store' | 'close'> {
  const schema = createSchema();
  const ask = async <T>(source: string, variables: object = {}, tenant = 'a'): Promise<T> => {
    const caller = { owner: { tenant, client: `${tenant}-1` }, admin: tenant === 'admin' } as Parameters<
      typeof contextOf
    >[1];
    const contextValue = contextOf(parts, caller);
    const answer: ExecutionResult = await graphql({ schema, source, variableValues: { ...variables }, contextValue });
    if (answer.errors) throw answer.errors[0]!.originalError ?? answer.errors[0]!;
    return answer.data as T;
  };
  const change = async (name: string, input: object, tenant = 'a'): Promise<Answer> =>
    (await ask<Record<string, Answer>>(documentOf(name), { input }, tenant))[name]!;
  const create = (input: object = {}, tenant = 'a') => change('createGeneration', { model: 'quick', ...input }, tenant);
  return { ask, change, create, idOf: async (input, tenant) => (await create(input, tenant)).generation!.id };
}

function documentOf(name: string): string {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  const makes = name === 'createGeneration' || name === 'retryGeneration';
  const shown = name === 'deleteGeneration' ? 'deletedId' : 'generation { id state images { seed } }';
  return `mutation ($input: ${type}Input!) { ${name}(input: $input) {
    __typename ... on ${type}Payload { ${shown} ${makes ? 'existed' : ''} } ... on Error { code field }
    ${makes ? '... on QueueFull { retryAfter }' : ''} } }`;
}
