import * as documents from './documents.ts';
import { follow, type FollowOptions, type GenerationEvent } from './follow.ts';
import type {
  CancelGenerationMutation,
  CreateGenerationInput,
  CreateGenerationMutation,
  DeleteGenerationMutation,
  GenerationQuery,
  GenerationPartsFragment,
  GenerationsQuery,
  GenerationsQueryVariables,
  ModelsQuery,
  PluginsQuery,
  RetryGenerationInput,
  RetryGenerationMutation,
  ServiceQuery,
} from './generated.ts';
import { requests, type Variables } from './requests.ts';
import { streams, type Transport } from './streams.ts';

export interface ClientOptions {
  /** Of the server: `http://localhost:4000`, or `https://example.com/tessera` where a proxy has it below a path. */
  readonly url: string;
  /** An API key, where the server wants one. */
  readonly key?: string;
  /** Of the program itself by default. */
  readonly fetch?: typeof fetch;
  /** Class of sockets: the program's own by default, as `ws` on Node 20, which has none; null for none. */
  readonly webSocket?: unknown;
  /** By default the socket where there is one and it opens, else Server-Sent Events. */
  readonly transport?: Transport;
  /** Milliseconds without a word after which a stream counts as lost; 30,000, since a server says something every 12,000. */
  readonly silenceMs?: number;
  /** To be told when a stream is lost, with false, and when it is there again, with true. */
  readonly onConnection?: (connected: boolean) => void;
}

const SILENCE_MS = 30_000;

export type Model = ModelsQuery['models'][number];
/** Generation as all calls give it. */
export type Generation = GenerationPartsFragment;
export type GenerationPage = NonNullable<GenerationsQuery['generations']>;
/** A part that models may name. */
export type Plugin = PluginsQuery['plugins'][number];
/** Queue, workers and newest failures, as who runs the server may see them. */
export type Service = Extract<ServiceQuery['service'], { readonly __typename: 'Service' }>;

/** A picture that was sent: an edit names it by its id. */
export interface Upload {
  readonly id: string;
  readonly url: string;
  readonly height: number;
  readonly width: number;
}

/**
 * What a server does, with types from its schema. What it may refuse is data: look at `__typename`. What it cannot answer
 * at all is thrown as ClientError.
 */
export interface Client {
  models(): Promise<readonly Model[]>;
  /** Queues a generation. Without a key of idempotency it gets one, so that a lost answer is asked for again without harm. */
  createGeneration(input: CreateGenerationInput): Promise<CreateGenerationMutation['createGeneration']>;
  retryGeneration(input: RetryGenerationInput): Promise<RetryGenerationMutation['retryGeneration']>;
  cancelGeneration(id: string): Promise<CancelGenerationMutation['cancelGeneration']>;
  deleteGeneration(id: string): Promise<DeleteGenerationMutation['deleteGeneration']>;
  generation(id: string): Promise<GenerationQuery['generation']>;
  /** A page of all generations, the newest first: 20, or at most 25, since a server bounds the size of an answer. */
  generations(page?: GenerationsQueryVariables): Promise<GenerationPage>;
  /** Every event of a generation, each once and in order, until the last; lost connections are opened again. */
  events(id: string, options?: FollowOptions): AsyncGenerator<GenerationEvent, void, undefined>;
  /** Waits for its end, and returns it as it is then. */
  finished(id: string, options?: Pick<FollowOptions, 'signal'>): Promise<GenerationQuery['generation']>;
  /** The parts that models may name, and those of the project that could not be used. */
  plugins(): Promise<PluginsQuery>;
  /** How the server is: for keys of administrators. */
  service(): Promise<ServiceQuery['service']>;
  /** Sends a picture, which an edit may name from then on. */
  upload(bytes: Uint8Array, type: 'image/png' | 'image/jpeg' | 'image/webp'): Promise<Upload>;
  /** The PNG of a picture. The key is sent to the server alone, never to another address. */
  download(picture: { readonly url: string }): Promise<Uint8Array>;
  /** A document of one's own, with its types: `request<{ models: { name: string }[] }>('{ models { name } }')`. */
  request<Result>(document: string, variables?: Variables): Promise<Result>;
  /** Ends all streams: they are not opened again. */
  close(): Promise<void>;
}

export function createClient(options: ClientOptions): Client {
  const { url, key, fetch: send = fetch, transport = null, silenceMs = SILENCE_MS } = options;
  const webSocket =
    options.webSocket === undefined ? (globalThis as { WebSocket?: unknown }).WebSocket : options.webSocket;
  const http = requests({ url, key, fetch: send });
  const { onConnection = () => undefined } = options;
  const live = streams({ url, key, fetch: send, webSocket, transport, silenceMs, onConnection });
  const ask = async <T>(document: string, variables: Variables = {}) =>
    (await http.graphql(document, variables, true)) as T;
  const isOver = async (id: string, seq: number) => {
    const now = await client.generation(id);
    return now.__typename === 'Generation'
      ? now.finishedAt !== null && now.lastSeq <= seq
      : now.code === 'unknown-generation';
  };
  const client: Client = {
    models: async () => (await ask<ModelsQuery>(documents.modelsDocument)).models,
    async createGeneration(input) {
      live.prepare();
      const keyed = { ...input, idempotencyKey: input.idempotencyKey ?? newKey() };
      return (await ask<CreateGenerationMutation>(documents.createDocument, { input: keyed })).createGeneration;
    },
    async retryGeneration(input) {
      live.prepare();
      const keyed = { ...input, idempotencyKey: input.idempotencyKey ?? newKey() };
      return (await ask<RetryGenerationMutation>(documents.retryDocument, { input: keyed })).retryGeneration;
    },
    cancelGeneration: async (id) =>
      (await ask<CancelGenerationMutation>(documents.cancelDocument, { input: { id } })).cancelGeneration,
    deleteGeneration: async (id) =>
      ((await http.graphql(documents.deleteDocument, { input: { id } }, false)) as DeleteGenerationMutation)
        .deleteGeneration,
    generation: async (id) => (await ask<GenerationQuery>(documents.generationDocument, { id })).generation,
    generations: async (page = {}) => (await ask<GenerationsQuery>(documents.generationsDocument, page)).generations!,
    events: (id, followOptions = {}) => follow({ streams: live, isOver }, id, followOptions),
    async finished(id, { signal } = {}) {
      for await (const event of client.events(id, signal ? { signal } : {})) void event;
      signal?.throwIfAborted();
      return client.generation(id);
    },
    plugins: () => ask<PluginsQuery>(documents.pluginsDocument),
    service: async () => (await ask<ServiceQuery>(documents.serviceDocument)).service,
    async upload(bytes, type) {
      const init = { method: 'POST', headers: { 'content-type': type }, body: new Blob([new Uint8Array(bytes)]) };
      return (await (await http.send('/v1/uploads', init)).json()) as Upload;
    },
    download: async (picture) => new Uint8Array(await (await http.send(picture.url)).arrayBuffer()),
    request: async <Result>(document: string, variables: Variables = {}) =>
      (await http.graphql(document, variables, false)) as Result,
    close: () => live.close(),
  };
  return client;
}

/** Pages that are not served safely have no `randomUUID`. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
