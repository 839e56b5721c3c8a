import type { Client as EventStreams } from 'graphql-sse';
import { createClient as createSocket } from 'graphql-ws';
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

/** Subscriptions, each of which ends with an error when its connection does. */
export interface Streams {
  /** Of the server, for messages. */
  readonly url: string;
  /** Aborted by `close`. */
  readonly ended: AbortSignal;
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
  let way: Transport = transport ?? (webSocket ? 'websocket' : 'sse');
  let opened = false;
  let connected = true;
  const tell = (now: boolean) => {
    if (now !== connected) onConnection((connected = now));
  };
  const works = () => tell(true);
  const socket = webSocket
    ? openSocket(options, () => {
        opened = true;
        works();
      })
    : null;
  // Fetched where it is used: most programs have a socket.
  let eventStreams: Promise<EventStreams> | null = null;
  return {
    url,
    ended: end.signal,
    open(query, variables) {
      const request = { query, variables: { ...variables } };
      if (way === 'websocket' && socket) return socket.iterate(request) as AsyncIterableIterator<StreamedAnswer>;
      // What could not be fetched is asked for again by the next try.
      eventStreams ??= openEventStreams(options, works).catch((error: unknown) => {
        eventStreams = null;
        throw error;
      });
      return later(eventStreams.then((client) => client.iterate(request) as AsyncIterableIterator<StreamedAnswer>));
    },
    failed() {
      tell(false);
      if (transport === null && socket && !opened) way = way === 'sse' ? 'websocket' : 'sse';
    },
    works,
    async close() {
      end.abort();
      // It may be opening, and fail at that.
      await Promise.resolve(socket?.dispose()).catch(() => undefined);
      await eventStreams?.then((client) => client.dispose()).catch(() => undefined);
    },
  };
}

/** A socket that answers no ping is ended: a machine that is gone does not say so. */
function openSocket({ url, key, webSocket, silenceMs }: StreamOptions, connected: () => void) {
  let late: ReturnType<typeof setTimeout> | undefined;
  const heard = () => clearTimeout(late);
  const socket = createSocket({
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
