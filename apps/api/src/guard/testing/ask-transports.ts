import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

export interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** Sends an operation and collects its answers: one, or those of a subscription. */
export type Ask = (query: string, variables?: Readonly<Record<string, unknown>>) => Promise<Answer[]>;

/** The same operation on each transport of GraphQL, with a key. */
export function transportsOf(url: string, key: string): Readonly<Record<'HTTP' | 'WebSocket' | 'SSE', Ask>> {
  const authorization = `Bearer ${key}`;
  const post = (path: string, accept: string, body: object) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, authorization },
      body: JSON.stringify(body),
    });
  return {
    async HTTP(query, variables = {}) {
      return [(await (await post('/graphql', 'application/json', { query, variables })).json()) as Answer];
    },
    async SSE(query, variables = {}) {
      const answer = await post('/graphql/stream', 'text/event-stream', { query, variables });
      const text = await answer.text();
      if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return [JSON.parse(text) as Answer];
      const data = [...text.matchAll(/^event: next$[^]*?^data: (.+)$/gm)];
      return data.map((found) => JSON.parse(found[1]!) as Answer);
    },
    async WebSocket(query, variables = {}) {
      const client = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams: { authorization },
      });
      const answers: Answer[] = [];
      try {
        await new Promise<void>((resolve, reject) => {
          client.subscribe(
            { query, variables },
            {
              next: (answer) => void answers.push(answer as Answer),
              error(error) {
                if (!Array.isArray(error)) return reject(error as Error);
                answers.push({ errors: error as NonNullable<Answer['errors']> });
                resolve();
              },
              complete: resolve,
            },
          );
        });
      } finally {
        await client.dispose();
      }
      return answers;
    },
  };
}
