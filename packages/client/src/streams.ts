import { createClient as createEventStreams } from 'graphql-sse';
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
}

interface StreamedAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: unknown } }[];
}

/** Subscriptions, each of which ends with an error when its connection does. */
export interface Streams {
  /** Of the server, for messages. */
  readonly url: string;
  open(document: string, variables: Variables): AsyncIterableIterator<StreamedAnswer>;
  /** To be told of a connection that has failed: where no socket has ever opened, the next stream goes another way. */
  failed(): void;
  close(): Promise<void>;
}

export function streams({ url, key, fetch, webSocket, transport }: StreamOptions): Streams {
  let way: Transport = transport ?? (webSocket ? 'websocket' : 'sse');
  let opened = false;
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const socket = webSocket
    ? createSocket({
        url: addressOf(url, '/graphql').href.replace(/^http/, 'ws'),
        webSocketImpl: webSocket,
        connectionParams: authorization,
        retryAttempts: 0,
        on: { connected: () => void (opened = true) },
      })
    : null;
  const eventStreams = createEventStreams({
    url: addressOf(url, '/graphql/stream').href,
    fetchFn: endingWithError(fetch),
    headers: authorization as Record<string, string>,
    retryAttempts: 0,
  });
  return {
    url,
    open(query, variables) {
      const client = (way === 'websocket' && socket) || eventStreams;
      return client.iterate({ query, variables: { ...variables } }) as AsyncIterableIterator<StreamedAnswer>;
    },
    failed() {
      if (transport === null && !opened) way = 'sse';
    },
    async close() {
      await socket?.dispose();
      eventStreams.dispose();
    },
  };
}

/**
 * The end of a body is an error, after everything in it was read. Without it graphql-sse waits for ever for the rest of a
 * body that ended without `complete` while nothing was read.
 */
function endingWithError(send: typeof fetch): typeof fetch {
  return async (...request) => {
    const response = await send(...request);
    if (!response.ok || !response.body) return response;
    const flush = (stream: TransformStreamDefaultController) => stream.error(new TypeError('The event stream ended.'));
    return new Response(response.body.pipeThrough(new TransformStream({ flush })), response);
  };
}
