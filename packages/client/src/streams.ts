import { createClient as createEventStreams } from 'graphql-sse';
import { createClient as createSocket } from 'graphql-ws';
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
        url: new URL('/graphql', url).href.replace(/^http/, 'ws'),
        webSocketImpl: webSocket,
        connectionParams: authorization,
        retryAttempts: 0,
        on: { connected: () => void (opened = true) },
      })
    : null;
  const eventStreams = createEventStreams({
    url: new URL('/graphql/stream', url).href,
    fetchFn: fetch,
    headers: authorization as Record<string, string>,
    retryAttempts: 0,
  });
  return {
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
