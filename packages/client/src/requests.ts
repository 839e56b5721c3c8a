import { ClientError, errorOf, unreachable, type SentError } from './client-error.ts';

/** How often a request is sent again that got no answer and can be repeated without harm. */
const MOST_RETRIES = 3;
const FIRST_WAIT_MS = 200;

export interface RequestOptions {
  readonly url: string;
  readonly key: string | undefined;
  readonly fetch: typeof fetch;
}

export type Variables = Readonly<Record<string, unknown>>;

interface GraphQLAnswer {
  readonly data?: unknown;
  readonly errors?: readonly SentError[];
}

export interface Requests {
  /** `repeatable`: sent again where there was no answer. @throws ClientError */
  graphql(document: string, variables: Variables, repeatable: boolean): Promise<unknown>;
  /** Any other route. @throws ClientError */
  send(path: string, init?: RequestInit): Promise<Response>;
}

export function requests({ url, key, fetch: send }: RequestOptions): Requests {
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const sendTo = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { ...authorization, ...(init.headers as Record<string, string> | undefined) };
    try {
      return await send(new URL(path, url), { ...init, headers });
    } catch (cause) {
      throw unreachable(url, cause);
    }
  };
  return {
    async graphql(query, variables, repeatable) {
      const body = JSON.stringify({ query, variables });
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const response = await again(repeatable, () => sendTo('/graphql', { method: 'POST', headers, body }));
      const { data, errors } = (await response.json().catch(() => ({}))) as GraphQLAnswer;
      if (errors?.length) throw errorOf(errors, heads(response));
      if (data === undefined || data === null) throw noAnswer(url, response);
      return data;
    },
    async send(path, init) {
      const response = await sendTo(path, init);
      if (response.ok) return response;
      const { errors } = (await response.json().catch(() => ({}))) as GraphQLAnswer;
      throw errors?.length ? errorOf(errors, heads(response)) : noAnswer(url, response);
    },
  };
}

async function again<T>(repeatable: boolean, ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!repeatable || tries === MOST_RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT_MS * 2 ** tries));
    }
  }
}

function heads({ status, headers }: Response): { readonly status: number; readonly retryAfter: number | null } {
  const retryAfter = headers.get('retry-after');
  return { status, retryAfter: retryAfter === null ? null : Number(retryAfter) };
}

function noAnswer(url: string, { status }: Response): ClientError {
  const message = `Got status ${status} without an answer from ${url}; expected a Tessera server. Correct the address.`;
  return new ClientError(message, { code: 'unreachable', status });
}
