import { ClientError, errorOf, headsOf, noAnswer, unreachable, type SentError } from './client-error.ts';
import { eventsDocument } from './documents.ts';
import type { GenerationEventsSubscription } from './generated.ts';
import type { Streams } from './streams.ts';

export type GenerationEvent = GenerationEventsSubscription['generationEvents'];

export interface FollowOptions {
  /** The last seq that was seen; 0, for all events, where left out. */
  readonly after?: number;
  /** Ends it, also while nothing comes. */
  readonly signal?: AbortSignal;
  /** Tries without an answer after which it throws; 32, about two minutes, where left out. */
  readonly tries?: number;
}

/** Time to the next try, in milliseconds: doubled from the first to the last while nothing comes. */
const FIRST_WAIT_MS = 100;
const LAST_WAIT_MS = 4000;
/** About two minutes without one event. */
const MOST_TRIES = 32;

/** Close codes of sockets after which the same request would be refused again. */
const refused = [4400, 4401, 4403, 4406, 4409, 4500];
/** Those of them that say what HTTP says by 401. */
const keyRefused: readonly unknown[] = [4401, 4403];

/** True for the events after which a generation has no more. */
export function isLast({ __typename }: GenerationEvent): boolean {
  return __typename === 'CompletedEvent' || __typename === 'FailedEvent' || __typename === 'CanceledEvent';
}

interface Followed {
  readonly streams: Streams;
  /** True where nothing can come after the event `seq`. */
  isOver(id: string, seq: number): Promise<boolean>;
}

/**
 * Every event after `after`, each once and in order, until the last. A lost connection is opened again after the last
 * event that was seen, on whatever server answers; the places of a waiting generation (WaitingEvent) may repeat.
 * @throws ClientError where the server refuses, or does not come back
 */
export async function* follow(
  { streams, isOver }: Followed,
  id: string,
  { after = 0, tries: most = MOST_TRIES, ...options }: FollowOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const { signal, release } = either(options.signal, streams.ended);
  let seen = after;
  try {
    for (let tries = 0; !signal.aborted;) {
      try {
        for await (const event of once(streams, { id, after: seen }, signal)) {
          tries = 0;
          streams.works();
          if (event.__typename !== 'WaitingEvent') {
            if (event.seq <= seen) continue;
            seen = event.seq;
          }
          yield event;
          if (isLast(event)) return;
        }
        // A proxy may end a stream as if it were over.
        if (signal.aborted || (await isOver(id, seen))) return;
        throw interrupted(id, seen);
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error) || tries >= most) throw await asClientError(error, streams.url);
        streams.failed();
        await pause(Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries++), signal);
      }
    }
  } finally {
    release();
    streams.works();
  }
}

/** Aborted when the first of both is. */
function either(one: AbortSignal | undefined, other: AbortSignal) {
  const joint = new AbortController();
  const abort = () => joint.abort();
  const signals = [one, other].filter((signal) => signal !== undefined);
  for (const signal of signals) {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
  }
  const release = () => signals.forEach((signal) => signal.removeEventListener('abort', abort));
  return { signal: joint.signal, release };
}

/** One connection's worth of events. */
async function* once(
  streams: Streams,
  variables: { readonly id: string; readonly after: number },
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const answers = streams.open(eventsDocument, variables);
  const stop = () => void answers.return?.();
  signal.addEventListener('abort', stop);
  try {
    for await (const { data, errors } of answers) {
      if (errors?.length) throw errorOf(errors);
      if (data) yield data['generationEvents'] as GenerationEvent;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** True for errors after which another try may succeed: lost connections, and what the server itself calls passing. */
function isPassing(error: unknown): boolean {
  const { code, response } = (error ?? {}) as { code?: unknown; response?: { readonly status: number } };
  if (response) return response.status >= 500 || response.status === 429;
  if (typeof code === 'number') return !refused.includes(code);
  const sent = codeOf(error);
  return sent === null || ['stream-interrupted', 'storage-failed', 'unreachable'].includes(sent);
}

/** The code of what the server has sent; null for a connection that failed. */
function codeOf(error: unknown): string | null {
  if (error instanceof ClientError) return error.code;
  return Array.isArray(error) ? errorOf(error as SentError[]).code : null;
}

async function asClientError(error: unknown, url: string): Promise<ClientError> {
  if (error instanceof ClientError) return error;
  if (Array.isArray(error)) return errorOf(error as SentError[]);
  const { code, reason, response } = (error ?? {}) as { code?: unknown; reason?: unknown; response?: Response };
  if (response) {
    const { errors } = (await response.json().catch(() => ({}))) as { errors?: readonly SentError[] };
    return errors?.length ? errorOf(errors, headsOf(response)) : noAnswer(url, response);
  }
  if (keyRefused.includes(code)) return new ClientError(String(reason), { code: 'key-invalid', status: 401 });
  if (typeof code === 'number' && reason) return new ClientError(String(reason), { code: String(code) });
  return unreachable(url, error);
}

function interrupted(id: string, seq: number): ClientError {
  const message = `Got the end of the events of ${id} after event ${seq}; expected them to its last. Ask again for what follows.`;
  return new ClientError(message, { code: 'stream-interrupted' });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
