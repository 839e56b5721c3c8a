/** Why a request got no answer that its types know: the server refused it as a whole, or could not be reached. */
export class ClientError extends Error {
  /** Of the server: `BAD_USER_INPUT`, `key-invalid`; `unreachable` where there was no answer. */
  readonly code: string;
  /** HTTP status, 401 also of a socket that was closed for its key; null where there was none. */
  readonly status: number | null;
  /** Seconds after which to try again, where the server said so. */
  readonly retryAfter: number | null;

  constructor(message: string, { code, status = null, retryAfter = null, cause }: ClientErrorParts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ClientError';
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

interface ClientErrorParts {
  readonly code: string;
  readonly status?: number | null;
  readonly retryAfter?: number | null;
  readonly cause?: unknown;
}

/** An error as every route of the server sends it. */
export interface SentError {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown } | undefined;
}

export function errorOf(errors: readonly SentError[], more: Omit<ClientErrorParts, 'code'> = {}): ClientError {
  const code = String(errors[0]?.extensions?.code ?? 'INTERNAL_SERVER_ERROR');
  return new ClientError(errors.map(({ message }) => message).join(' '), { code, ...more });
}

export function unreachable(url: string, cause: unknown): ClientError {
  return new ClientError(`Got no answer from ${url}; expected a Tessera server. Start it, or correct the address.`, {
    code: 'unreachable',
    cause,
  });
}

/** True for what a proxy or a server answers that is starting or stopping: the same request may succeed later. */
export function isPassingStatus(status: number): boolean {
  return status === 502 || status === 503 || status === 504;
}

/** Of an answer that no Tessera server has written. */
export function noAnswer(url: string, response: Response): ClientError {
  const { status } = response;
  const next = isPassingStatus(status)
    ? 'A proxy answered in place of the server: see whether the server runs, and try again later.'
    : 'Correct the address.';
  const message = `Got status ${status} without an answer from ${url}; expected a Tessera server. ${next}`;
  return new ClientError(message, { code: 'unreachable', ...headsOf(response) });
}

export function headsOf({ status, headers }: Response): {
  readonly status: number;
  readonly retryAfter: number | null;
} {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return { status, retryAfter: Number.isFinite(seconds) ? seconds : null };
}
