import type { initGraphQLTada, TadaDocumentNode } from 'gql.tada';
import { createClient, type Client } from 'graphql-ws';
import { authorizationBy, keyState, refuseKey } from './key.ts';
import type { introspection } from './schema.d.ts';

/*
 * How the page talks to the server: typed documents, queries over HTTP, subscriptions over one socket. The types come
 * from apps/api/schema.graphql: `npm run graphql` writes them to schema.d.ts and checks every document.
 */

interface Scalars {
  readonly ID: string;
  readonly SafeInt: number;
  readonly DateTime: string;
  readonly URI: string;
  readonly JSONObject: Readonly<Record<string, unknown>>;
}

type Documents = ReturnType<
  typeof initGraphQLTada<{ introspection: introspection; scalars: Scalars; disableMasking: true }>
>;

/**
 * A document with the types of its result and variables, and the fragments that it spreads. gql.tada types it as
 * a parsed document. At run time it stays text: the page ships neither a parser nor a printer.
 */
export const graphql = ((text: string, fragments: readonly string[] = []) =>
  [text, ...fragments].join('\n')) as unknown as Documents;

type Document<Result, Variables> = TadaDocumentNode<Result, Variables, unknown>;

function textOf<Result, Variables>(document: Document<Result, Variables>): string {
  return document as unknown as string;
}

const unreachable = 'The server does not answer. Start it with npm start, then try again.';

interface GraphQLAnswer<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly { readonly message: string }[];
}

/** A query or mutation over HTTP. Throws an Error whose message can be shown. */
export async function request<Result, Variables>(
  document: Document<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const answer = await post<Result>(JSON.stringify({ query: textOf(document), variables }));
  if (answer.errors?.length) throw new Error(answer.errors.map(({ message }) => message).join(' '));
  if (!answer.data) throw new Error(unreachable);
  return answer.data;
}

async function post<Result>(body: string): Promise<GraphQLAnswer<Result>> {
  const { key } = keyState();
  const headers = { 'content-type': 'application/json', ...authorizationBy(key) };
  try {
    const response = await fetch('/graphql', { method: 'POST', headers, body });
    if (response.status === 401) refuseKey(key);
    return (await response.json()) as GraphQLAnswer<Result>;
  } catch {
    throw new Error(unreachable);
  }
}

/** Close codes with which a server refuses the key. */
const refusals: readonly unknown[] = [4401, 4403];

/** The key with which the socket was opened. */
let keyOfSocket: string | null = null;

/** One socket for all subscriptions, opened by the first. It reconnects by itself, however long the server is away. */
const client: Client = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  connectionParams: () => authorizationBy((keyOfSocket = keyState().key)),
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: (closed) => !isRefusal(closed),
  retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(4000, 250 * 2 ** retries))),
});

client.on('closed', (closed) => {
  if (isRefusal(closed)) refuseKey(keyOfSocket);
});

function isRefusal(closed: unknown): boolean {
  return refusals.includes((closed as Partial<CloseEvent>).code);
}

/** Calls `heard` with false when the connection is lost and with true when it is back. Returns a function that ends it. */
export function onConnection(heard: (connected: boolean) => void): () => void {
  // The socket is also closed when the last subscription has ended. That is code 1000: no event is missing.
  const closed = (event: unknown) => heard((event as CloseEvent).code === 1000);
  const ends = [client.on('connected', () => heard(true)), client.on('closed', closed)];
  return () => ends.forEach((end) => end());
}

interface Listener<Result> {
  onData(data: Result): void;
  onError(message: string): void;
}

/** Returns a function that ends the subscription. */
export function subscribe<Result, Variables extends Record<string, unknown>>(
  document: Document<Result, Variables>,
  variables: Variables,
  { onData, onError }: Listener<Result>,
): () => void {
  return client.subscribe<Result>(
    { query: textOf(document), variables },
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
