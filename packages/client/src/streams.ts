import { addressOf } from './address.ts';
import type { Variables } from './requests.ts';

/** How events come: over one WebSocket for all, or over a Server-Sent Events stream each. */
export type Transport = 'websocket' | 'sse';

export interface StreamOptions {
  readonly url: string;
  readonly key: string | undefined;
  readonly fetch: typeof fetch;
  /** Null where this program has none, as Node 20. */
  readonly webSocket: unknown;
  /** Null chooses: the socket where there is one and it opens, else Server-Sent Events. */
  readonly transport: Transport | null;
  readonly silenceMs: number;
  onConnection(connected: boolean): void;
}

interface StreamedAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: unknown } }[];
}

/** What both of the libraries give; they are fetched when the first stream is opened. */
interface Connection {
  iterate(request: {
    readonly query: string;
    readonly variables: Record<string, unknown>;
  }): AsyncIterableIterator<unknown>;
  dispose(): void | Promise<void>;
}

/** Subscriptions, each of which ends with an error when its connection does. */
export interface Streams {
  /** Of the server, for messages. */
  readonly url: string;
  /** Aborted by `close`. */
  readonly ended: AbortSignal;
  /** Fetches what a stream needs, without opening one. */
  prepare(): void;
  open(document: string, variables: Variables): AsyncIterableIterator<StreamedAnswer>;
  /** To be told of a connection that has failed: where no socket has ever opened, the next stream goes the other way. */
  failed(): void;
  /** To be told of one that works, or that is not tried any more. */
  works(): void;
  close(): Promise<void>;
}

export function streams(options: StreamOptions): Streams {
  const { url, webSocket, transport, onConnection } = options;
  const end = new AbortController();
  let way: Transport = webSocket ? (transport ?? 'websocket') : 'sse';
  let opened = false;
  let connected = true;
  const tell = (now: boolean) => {
    if (now !== connected) onConnection((connected = now));
  };
  const works = () => tell(true);
  const open: Readonly<Record<Transport, () => Promise<Connection>>> = {
    websocket: () =>
      openSocket(options, () => {
        opened = true;
        works();
      }),
    sse: () => openEventStreams(options, works),
  };
  const connections = new Map<Transport, Promise<Connection>>();
  const connection = (by: Transport): Promise<Connection> => {
    // What could not be fetched is asked for again by the next try.
    const known = connections.get(by) ?? open[by]();
    connections.set(by, known);
    known.catch(() => connections.delete(by));
    return known;
  };
  return {
    url,
    ended: end.signal,
    prepare: () => void connection(way).catch(() => undefined),
    open(query, variables) {
      const request = { query, variables: { ...variables } };
      return later(connection(way).then((one) => one.iterate(request) as AsyncIterableIterator<StreamedAnswer>));
    },
    failed() {
      tell(false);
      if (transport === null && webSocket && !opened) way = way === 'sse' ? 'websocket' : 'sse';
    },
    works,
    async close() {
      end.abort();
      // It may be opening, and fail at that.
      for (const one of connections.values()) await one.then((it) => it.dispose()).catch(() => undefined);
    },
  };
}

/** A socket that answers no ping is ended: a machine that is gone does not say so. */
async function openSocket({ url, key, webSocket, silenceMs }: StreamOptions, connected: () => void) {
  const { createClient } = await import('graphql-ws');
  let late: ReturnType<typeof setTimeout> | undefined;
  const heard = () => clearTimeout(late);
  const socket = createClient({
    url: addressOf(url, '/graphql').href.replace(/^http/, 'ws'),
    webSocketImpl: webSocket,
    connectionParams: authorizationBy(key),
    retryAttempts: 0,
    keepAlive: silenceMs / 2,
    on: {
      connected,
      message: heard,
      closed: heard,
      ping(received) {
        if (received) return;
        heard();
        late = setTimeout(() => socket.terminate(), silenceMs / 2);
      },
    },
  });
  return socket;
}

/** What an iterator gives that is not there yet. A generator's `return` would wait for a `next` that is under way. */
function later<T>(iterator: Promise<AsyncIterableIterator<T>>): AsyncIterableIterator<T> {
  const all: AsyncIterableIterator<T> = {
    next: async () => (await iterator).next(),
    return: async () => (await (await iterator.catch(() => null))?.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]: () => all,
  };
  return all;
}

async function openEventStreams({ url, key, fetch: send, silenceMs }: StreamOptions, connected: () => void) {
  const { createClient } = await import('graphql-sse');
  return createClient({
    url: addressOf(url, '/graphql/stream').href,
    headers: authorizationBy(key),
    retryAttempts: 0,
    async fetchFn(...request: Parameters<typeof fetch>) {
      const response = await send(...request);
      if (!response.ok || !response.body) return response;
      connected();
      return new Response(endingWithError(response.body, silenceMs), response);
    },
  });
}

/**
 * The end of a body is an error, after everything in it was read, and so is silence. Without it graphql-sse waits for ever
 * for the rest of a body that ended without `complete` while nothing was read.
 */
function endingWithError(body: ReadableStream<Uint8Array>, silenceMs: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      let isSilent = false;
      const silence = setTimeout(() => void reader.cancel((isSilent = true)), silenceMs);
      const { value, done } = await reader.read().finally(() => clearTimeout(silence));
      if (done) throw new TypeError(isSilent ? 'The event stream is silent.' : 'The event stream ended.');
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function authorizationBy(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}
