import { setTimeout as wait } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { Asked, SeenEvent, Stream } from './history.ts';
import type { Random } from './random.ts';

/** Addresses of the API: through proxies that may be cut at any time. */
export interface Doors {
  url(): string;
}

export interface Wish {
  readonly key: string;
  readonly model: string;
  readonly seed: number;
  readonly images: number;
  readonly cancel: boolean;
}

const LAST = ['COMPLETED', 'FAILED', 'CANCELED'];
/** A client gives up on an answer after this time, and asks again. */
const PATIENCE_MS = 3000;

const createDocument = `mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) { __typename
  ... on CreateGenerationPayload { generation { id } } ... on Error { code message } } }`;
const cancelDocument = `mutation ($input: CancelGenerationInput!) { cancelGeneration(input: $input) { __typename
  ... on Error { code } } }`;
const eventsDocument = `subscription ($id: ID!, $after: Int!) { generationEvents(id: $id, after: $after) {
  __typename seq kind
  ... on StepEvent { index of positions previews { sha256 } }
  ... on CompletedEvent { images { sha256 } }
  ... on FailedEvent { code message } } }`;

/** Sends a wish until an answer accepts it, and then perhaps cancels it; every answer is recorded. */
export async function ask(doors: Doors, wish: Wish, until: AbortSignal): Promise<Asked> {
  const { key, model, seed, images } = wish;
  const image = (i: number) => ({ condition: { label: i % 10 } });
  const input = {
    model,
    seed,
    images: Array.from({ length: images }, (_, i) => image(i)),
    idempotencyKey: key,
    preview: 'LINEAR',
  };
  const accepted: string[] = [];
  while (accepted.length === 0) {
    const answer = await post(doors, createDocument, { input }, until);
    const payload = answer?.['createGeneration'] as
      { generation?: { id: string }; code?: string; message?: string } | undefined;
    if (payload?.generation) accepted.push(payload.generation.id);
    else if (payload?.code && !passing.includes(payload.code)) throw new Error(payload.message);
    else await wait(100, undefined, { signal: until });
  }
  let canceled = false;
  for (let tries = 0; wish.cancel && !canceled && tries < 100; tries++) {
    const answer = await post(doors, cancelDocument, { input: { id: accepted[0] } }, until);
    canceled = answer?.['cancelGeneration'] !== undefined;
  }
  return { key, model, seed, images, accepted, canceled: wish.cancel };
}

/** null where there was no answer in time, or one of a server that cannot answer now. */
export async function post(
  doors: Doors,
  query: string,
  variables: object,
  until: AbortSignal,
): Promise<Record<string, unknown> | null> {
  try {
    const response = await fetch(`${doors.url()}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.any([until, AbortSignal.timeout(PATIENCE_MS)]),
    });
    return dataOf((await response.json()) as Answer);
  } catch (error) {
    if (error instanceof Refused) throw error;
    until.throwIfAborted();
    await wait(50, undefined, { signal: until });
    return null;
  }
}

/** The API said no to what should be right: a fault of its own. */
class Refused extends Error {}

/** Answers of a server that cannot go on now; any other error is a fault. */
const passing = ['storage-failed', 'stream-interrupted', 'queue-full'];

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** What it holds; null where the server cannot answer now. @throws Refused */
function dataOf({ data, errors }: Answer): Record<string, unknown> | null {
  if (!errors) return data ?? null;
  if (passing.includes(errors[0]?.extensions?.code ?? '')) return null;
  throw new Refused(JSON.stringify(errors));
}

interface Following {
  readonly subscriber: string;
  readonly random: Random;
  readonly until: AbortSignal;
  /** Called with each event of the log. */
  readonly heard?: (event: SeenEvent) => void;
}

/** Follows a generation to its end over as many connections as that takes, by turns on WebSocket and SSE. */
export async function follow(
  doors: Doors,
  id: string,
  { subscriber, random, until, heard }: Following,
): Promise<Stream> {
  const events: SeenEvent[] = [];
  const after = (): number => events.at(-1)?.seq ?? 0;
  const see = (event: Received): boolean => {
    // Not in the log: it repeats the last seq.
    if (event.__typename !== 'WaitingEvent') {
      const seen = seenOf(event);
      events.push(seen);
      heard?.(seen);
    }
    return LAST.includes(event.kind);
  };
  for (;;) {
    until.throwIfAborted();
    const connect = random.next() < 0.5 ? overWebSocket : overSse;
    if (await connect(doors.url(), { id, after: after() }, see, until)) return { subscriber, id, events };
    await wait(50, undefined, { signal: until });
  }
}

interface Received {
  readonly __typename: string;
  readonly seq: number;
  readonly kind: string;
  readonly index?: number;
  readonly of?: number;
  readonly previews?: unknown;
}

/** Without previews: only the newest reaches a slow reader. */
function seenOf({ __typename, seq, kind, index, of, ...rest }: Received): SeenEvent {
  const content = JSON.stringify([__typename, index, of, { ...rest, previews: undefined }]);
  return {
    seq,
    kind: kind.toLowerCase(),
    content,
    ...(index !== undefined && { index }),
    ...(of !== undefined && { of }),
  };
}

type Connect = (
  url: string,
  from: { readonly id: string; readonly after: number },
  see: (event: Received) => boolean,
  until: AbortSignal,
) => Promise<boolean>;

/** `ws` says an error where one is terminated before it is open; it means nothing here. */
class QuietSocket extends WebSocket {
  constructor(...given: ConstructorParameters<typeof WebSocket>) {
    super(...given);
    this.on('error', () => undefined);
  }
}

/** True where the last event has come; false where the connection ended before. */
const overWebSocket: Connect = async (url, variables, see, until) => {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: QuietSocket,
    retryAttempts: 0,
    connectionAckWaitTimeout: PATIENCE_MS,
    keepAlive: 1000,
  });
  const stop = () => client.terminate();
  until.addEventListener('abort', stop);
  try {
    for await (const result of client.iterate({ query: eventsDocument, variables })) {
      const data = dataOf(result as Answer);
      if (!data) return false;
      if (see(data['generationEvents'] as Received)) return true;
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
  } finally {
    until.removeEventListener('abort', stop);
    void client.dispose();
  }
  return false;
};

const overSse: Connect = async (url, variables, see, until) => {
  try {
    const silence = new AbortController();
    const response = await fetch(`${url}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: eventsDocument, variables }),
      signal: AbortSignal.any([until, silence.signal]),
    });
    let timer = setTimeout(() => silence.abort(), 2 * PATIENCE_MS);
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), 2 * PATIENCE_MS);
      text += chunk;
      const messages = text.split('\n\n');
      text = messages.pop()!;
      for (const message of messages) {
        const event = eventOf(message);
        if (event && see(event)) return true;
      }
    }
    clearTimeout(timer);
  } catch (error) {
    if (error instanceof Refused) throw error;
  }
  return false;
};

function eventOf(message: string): Received | null {
  const data = /^data: ?(.*)$/m.exec(message)?.[1];
  if (!/^event: ?next$/m.test(message) || !data) return null;
  const answer = dataOf(JSON.parse(data) as Answer);
  return answer && (answer['generationEvents'] as Received);
}
