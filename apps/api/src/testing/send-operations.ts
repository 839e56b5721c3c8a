import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import type { RandomOperation } from './random-documents.ts';

/** What a server said to an operation: everything of it as text, and the codes of its errors. */
export interface Said {
  readonly text: string;
  readonly status: number;
}

/** One way to a server. Of a subscription the first answer is enough. */
export interface Way {
  readonly name: string;
  send(operation: RandomOperation): Promise<Said>;
  close(): Promise<void>;
}

export function overHttp(url: string): Way {
  return {
    name: 'HTTP',
    async send(operation) {
      const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(operation) });
      return { status: response.status, text: await response.text() };
    },
    close: () => Promise.resolve(),
  };
}

export function overEventStream(url: string): Way {
  return {
    name: 'SSE',
    async send(operation) {
      const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
      const cut = new AbortController();
      const init = { method: 'POST', headers, body: JSON.stringify(operation), signal: cut.signal };
      const response = await fetch(`${url}/graphql`, init);
      let text = '';
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (/^event: (next|complete)\n.*\n\n/ms.test(text)) break;
      }
      cut.abort();
      return { status: response.status, text };
    },
    close: () => Promise.resolve(),
  };
}

/** A server may close the socket on a message that is none of the protocol; the next operation opens another. */
export function overWebSocket(url: string): Way {
  const open = (): Client =>
    createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazyCloseTimeout: 60_000,
    });
  const client = open();
  return {
    name: 'WebSocket',
    send: (operation) =>
      new Promise((resolve) => {
        const said = (text: string, status: number) => {
          resolve({ text, status });
          // The subscription ends behind its first answer.
          setImmediate(() => end());
        };
        const end = client.subscribe(operation as { query: string }, {
          next: (answer) => said(JSON.stringify(answer), 200),
          error: (error) => said(JSON.stringify(error) ?? String(error), isRefusal(error) ? 400 : codeOf(error)),
          complete: () => said('', 200),
        });
      }),
    close: async () => void (await client.dispose()),
  };
}

/** A list of GraphQL errors. */
function isRefusal(error: unknown): boolean {
  return Array.isArray(error);
}

/** Of a closed socket. */
function codeOf(error: unknown): number {
  return (error as { code?: number }).code ?? 0;
}
