import { addressOf, baseOf } from './address.ts';
import { errorOf, headsOf, isPassingStatus, noAnswer, unreachable, type SentError } from './client-error.ts';

/** How often a request is sent again that got no answer and can be repeated without harm. */
const MOST_RETRIES = 3;
const FIRST_WAIT_MS = 200;
/** A server may ask for a longer time: its answer is then given to the caller. */
const LONGEST_WAIT_MS = 5000;

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
  /** Any other route, each of which can be repeated. The key goes to the server alone. @throws ClientError */
  send(path: string, init?: RequestInit): Promise<Response>;
}

export function requests({ url, key, fetch: send }: RequestOptions): Requests {
  const { origin } = baseOf(url);
  const sendTo = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const address = addressOf(url, path);
    const authorization = key !== undefined && address.origin === origin && { authorization: `Bearer ${key}` };
    const headers = { ...authorization, ...(init.headers as Record<string, string> | undefined) };
    try {
      return await send(address, { ...init, headers });
    } catch (cause) {
      throw unreachable(address.origin === origin ? url : address.origin, cause);
    }
  };
  return {
    async graphql(query, variables, repeatable) {
      const body = JSON.stringify({ query, variables });
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const response = await again(repeatable, () => sendTo('/graphql', { method: 'POST', headers, body }));
      const { data, errors } = (await response.json().catch(() => ({}))) as GraphQLAnswer;
      if (errors?.length) throw errorOf(errors, headsOf(response));
      if (data === undefined || data === null) throw noAnswer(url, response);
      return data;
    },
    async send(path, init) {
      const response = await again(true, () => sendTo(path, init));
      if (response.ok) return response;
      const { errors } = (await response.json().catch(() => ({}))) as GraphQLAnswer;
      throw errors?.length ? errorOf(errors, headsOf(response)) : noAnswer(url, response);
    },
  };
}

/** Asks once more where no answer came, or that of a proxy or a server that is not ready. */
async function again(repeatable: boolean, ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 0; ; tries++) {
    const isFinal = !repeatable || tries === MOST_RETRIES;
    let wait = FIRST_WAIT_MS * 2 ** tries;
    try {
      const response = await ask();
      if (isFinal || !isPassingStatus(response.status)) return response;
      wait = Math.max(wait, 1000 * (headsOf(response).retryAfter ?? 0));
      if (wait > LONGEST_WAIT_MS) return response;
      await response.body?.cancel();
    } catch (error) {
      if (isFinal) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
