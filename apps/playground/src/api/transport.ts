import { createClient, type Client } from 'graphql-ws';

const unreachable = 'The server does not answer. Start it with npm start, then try again.';

interface GraphQLAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string }[];
}

/** A query or mutation over HTTP. Throws an Error whose message can be shown. */
export async function request<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
  const answer = await post<T>(JSON.stringify({ query, variables }));
  if (answer.errors?.length) throw new Error(answer.errors.map(({ message }) => message).join(' '));
  if (!answer.data) throw new Error(unreachable);
  return answer.data;
}

async function post<T>(body: string): Promise<GraphQLAnswer<T>> {
  try {
    const response = await fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return (await response.json()) as GraphQLAnswer<T>;
  } catch {
    throw new Error(unreachable);
  }
}

/** One socket for all subscriptions, opened by the first. It comes back by itself, however long the server is away. */
const client: Client = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => true,
  retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(4000, 250 * 2 ** retries))),
});

/** Calls `heard` with false when the connection is lost, and with true when it is back. Returns what ends it. */
export function onConnection(heard: (connected: boolean) => void): () => void {
  // The socket is also closed when the last subscription has ended: that is code 1000, and nothing is lost.
  const closed = (event: unknown) => heard((event as CloseEvent).code === 1000);
  const ends = [client.on('connected', () => heard(true)), client.on('closed', closed)];
  return () => ends.forEach((end) => end());
}

interface Subscription<T> {
  readonly query: string;
  readonly variables: Record<string, unknown>;
  onData(data: T): void;
  onError(message: string): void;
}

export function subscribe<T>({ query, variables, onData, onError }: Subscription<T>): () => void {
  return client.subscribe<T>(
    { query, variables },
    {
      next: ({ data, errors }) => {
        if (errors?.length) onError(errors.map(({ message }) => message).join(' '));
        else if (data) onData(data);
      },
      error: (error) => onError(messageOf(error)),
      complete: () => undefined,
    },
  );
}

function messageOf(error: unknown): string {
  if (Array.isArray(error)) return error.map(({ message }: { message: string }) => message).join(' ');
  return error instanceof Error ? error.message : unreachable;
}
