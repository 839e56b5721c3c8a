import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';

export interface GraphQLAnswer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** A real client: HTTP by fetch, subscriptions by WebSocket. */
export interface TestClient {
  post(body: string, headers?: Record<string, string>): Promise<{ status: number; json: GraphQLAnswer }>;
  query<T>(query: string, variables?: Record<string, unknown>): Promise<T>;
  create(input: object): Promise<Created>;
  cancel(id: string): Promise<object>;
  /** What the socket answers to a document that it refuses. */
  socketErrors(query: string): Promise<NonNullable<GraphQLAnswer['errors']>>;
  /** Reads the events of the log until the last, or until `enough` says so. */
  events(id: string, options?: { after?: number; enough?: (event: TestEvent) => boolean }): Promise<TestEvent[]>;
}

/** A generation, or why there is none. */
export interface Created {
  readonly __typename: string;
  readonly id: string;
  /** Of its images, -1 for none. */
  readonly labels: number[];
  readonly code?: string;
  readonly message?: string;
  readonly field?: readonly string[] | null;
  readonly existed?: boolean;
}

export interface TestEvent {
  readonly __typename: string;
  readonly seq: number;
  readonly kind: string;
  readonly index?: number;
  readonly of?: number;
  readonly positions?: number[][];
  /** URLs. */
  readonly previews?: string[] | null;
  readonly images?: string[];
  readonly code?: string;
  readonly message?: string;
  readonly position?: number;
  readonly timings?: { readonly steps: number[]; readonly total: number };
}

type Answer = Omit<Created, 'labels'> & {
  readonly generation?: {
    readonly __typename: string;
    readonly id: string;
    readonly images: { readonly condition: { readonly label?: number } }[];
  };
};

interface Sent {
  readonly url: string;
}
type SentEvent = Omit<TestEvent, 'previews' | 'images'> & {
  readonly previews?: Sent[] | null;
  readonly images?: Sent[];
};

function withUrls({ previews, images, ...event }: SentEvent): TestEvent {
  return {
    ...event,
    ...(previews !== undefined && { previews: previews && previews.map(({ url }) => url) }),
    ...(images && { images: images.map(({ url }) => url) }),
  };
}

/** Images of these classes, as `createGeneration` takes them; -1 is none. */
export function ofLabels(labels: readonly number[]): object[] {
  return labels.map((label) => ({ condition: { label } }));
}

export const createQuery = `mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) {
  __typename ... on CreateGenerationPayload {
    existed generation { __typename id images { condition { kind ... on ClassCondition { label } } } } }
  ... on Error { code message field } } }`;

const cancelQuery = `mutation ($id: ID!) { cancelGeneration(input: { id: $id }) {
  __typename ... on CancelGenerationPayload { generation { __typename state } } ... on Error { code } } }`;

const subscription = `subscription ($id: ID!, $after: Int!) { generationEvents(id: $id, after: $after) {
  __typename seq kind
  ... on QueuedEvent { position }
  ... on StepEvent { index of positions previews { url } milliseconds }
  ... on CompletedEvent { images { url } timings { steps total } }
  ... on FailedEvent { code message } } }`;

export function testClient(url: string): TestClient {
  const post: TestClient['post'] = async (body, headers = {}) => {
    const all = { 'content-type': 'application/json', ...headers };
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers: all, body });
    return { status: response.status, json: (await response.json()) as GraphQLAnswer };
  };
  const query = async <T>(text: string, variables = {}): Promise<T> => {
    const { json } = await post(JSON.stringify({ query: text, variables }));
    if (json.errors) throw new Error(JSON.stringify(json.errors));
    return json.data as T;
  };
  return {
    post,
    query,
    create: async (input) => {
      const { createGeneration } = await query<{ createGeneration: Answer }>(createQuery, { input });
      const { generation, ...rest } = createGeneration;
      const { images = [], ...made } = generation ?? {};
      return { ...rest, ...made, labels: images.map(({ condition }) => condition.label ?? -1) };
    },
    cancel: async (id) => {
      const { cancelGeneration } = await query<{ cancelGeneration: { generation?: object } }>(cancelQuery, { id });
      return cancelGeneration.generation ?? cancelGeneration;
    },
    async socketErrors(query) {
      const client = socketClient(url);
      try {
        return await new Promise((resolve, reject) => {
          client.subscribe(
            { query },
            {
              next: () => reject(new Error('The socket refused nothing.')),
              error: (error) => (Array.isArray(error) ? resolve(error) : reject(error as Error)),
              complete: () => undefined,
            },
          );
        });
      } finally {
        await client.dispose();
      }
    },
    async events(id, { after = 0, enough = () => false } = {}) {
      const client = socketClient(url);
      const all: TestEvent[] = [];
      try {
        const answers = client.iterate<{ generationEvents: SentEvent }>({
          query: subscription,
          variables: { id, after },
        });
        for await (const { data, errors } of answers) {
          if (errors) throw new Error(JSON.stringify(errors));
          const event = withUrls(data!.generationEvents);
          // Where it stands in the queue is no event of the log: it has the seq of the last one.
          if (event.kind !== 'WAITING') all.push(event);
          if (enough(event)) break;
        }
      } finally {
        await client.dispose();
      }
      return all;
    },
  };
}

function socketClient(url: string): Client {
  return createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 });
}
