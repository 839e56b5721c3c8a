import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileBlobs, type Blobs } from '@tessera/blobs';
import { describeFolders, startHost, type Host, type ModelFolders } from '@tessera/host';
import { writeRandomModel } from '@tessera/host/testing';
import { batchKey, imagesOfClasses, type GenerationRequest } from '@tessera/request';
import {
  isLast,
  openStore,
  type Generation,
  type GenerationEvent,
  type NewGeneration,
  type Store,
} from '@tessera/store';
import { startWorker, type Worker } from '../worker.ts';
import type { WorkerOptions } from '../worker-options.ts';

/** A store, pictures and models, and whatever workers a test starts on them. */
export interface Bench {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly folder: string;
  /** Of models `quick` and `slow`, and `sets`, which draws a token set in each step. */
  readonly models: ModelFolders;
  host(): Promise<Host>;
  worker(host: Host, options?: Partial<WorkerOptions>): Worker;
  create(
    request: Partial<GenerationRequest> & { readonly labels?: readonly number[] },
    more?: Pick<NewGeneration, 'cancelAfterMs'>,
  ): Promise<Generation>;
  /** All events up to the last, which comes within a minute. */
  events(id: string): Promise<readonly GenerationEvent[]>;
  /** Resolves when an event of that kind is there. */
  reached(id: string, kind: GenerationEvent['kind']): Promise<readonly GenerationEvent[]>;
  close(): Promise<void>;
}

/** Many steps of equal length, a second of work or more: the batch still runs when a test does something to it. */
export const long = { model: 'sets', options: { steps: 64, respacing: '50' }, preview: 'none' } as const;
/** Work that is canceled or killed before its end on any machine. */
export const endless = { ...long, options: { steps: 64, respacing: '1000' } } as const;

/** `url` null: PGlite. */
export async function openBench(url: string | null): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-worker-'));
  const folders = ['quick', 'slow', 'sets'].map((name) => join(folder, name));
  await writeRandomModel(folders[0]!, { name: 'quick', width: 32, depth: 1, channels: 1 });
  await writeRandomModel(folders[1]!, { name: 'slow', width: 192, depth: 8, channels: 3 });
  await writeRandomModel(folders[2]!, { name: 'sets', width: 32, depth: 1, channels: 1, step: 'set' });
  const store = await openStore({ ...(url === null ? { directory: folder } : { url }), leaseMs: 3000 });
  const models = await describeFolders(folders, null);
  const blobs = fileBlobs(join(folder, 'images'));
  const hosts: Host[] = [];
  const workers: Worker[] = [];
  const logOf = async (id: string) =>
    (await store.generations.eventsAfter([{ id, after: 0, most: 1000 }])).get(id) ?? [];
  const until = async (id: string, enough: (events: readonly GenerationEvent[]) => boolean) => {
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 15))) {
      const events = await logOf(id);
      if (enough(events)) return events;
    }
    throw new Error(`Events of ${id} did not come: ${JSON.stringify(await logOf(id))}`);
  };
  return {
    store,
    blobs,
    folder,
    models,
    async host() {
      const host = await startHost({ modelFolders: folders, described: models });
      hosts.push(host);
      return host;
    },
    worker(host, options) {
      const worker = startWorker({ store, host, blobs, options: { pollMs: 100, ...options } });
      workers.push(worker);
      return worker;
    },
    async create({ labels = [3], ...given }, more = {}) {
      const request = models.check({ model: 'quick', images: imagesOfClasses(labels), seed: 7, ...given });
      const id = randomUUID();
      const rest = { priority: 0, deadline: null, idempotencyKey: null, retryOf: null, trace: null };
      const owner = { tenant: '', client: 'test' };
      const wanted = { id, owner, request, batchKey: batchKey(request, id), ...rest, ...more };
      return (await store.generations.create(wanted, { maxQueue: 1000, maxQueueOfClient: 1000 })).generation;
    },
    events: (id) => until(id, (events) => events.some(({ kind }) => isLast(kind))),
    reached: (id, kind) => until(id, (events) => events.some((event) => event.kind === kind)),
    async close() {
      await Promise.all(workers.map((worker) => worker.drain()));
      await Promise.all(hosts.map((host) => host.dispose()));
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What is true of every log: no gap, no step twice, one last event, at the end. @returns it */
export function lastOf(events: readonly GenerationEvent[]): GenerationEvent {
  const wrong = events.find(({ seq }, index) => seq !== index + 1);
  const steps = events.flatMap((event) => (event.kind === 'step' ? [event.index] : []));
  const ends = events.filter(({ kind }) => isLast(kind));
  if (wrong) throw new Error(`A gap before event ${wrong.seq}`);
  if (String(steps) !== String(steps.map((_, index) => index))) throw new Error(`Steps ${steps.join()}`);
  if (ends.length !== 1 || ends[0] !== events.at(-1)) throw new Error(`${ends.length} last events`);
  return ends[0]!;
}

/** The pictures of a generation that has completed. */
export function imagesOf(events: readonly GenerationEvent[]): readonly string[] {
  const last = lastOf(events);
  if (last.kind !== 'completed') throw new Error(`It ended with ${JSON.stringify(last)}`);
  return last.images;
}
