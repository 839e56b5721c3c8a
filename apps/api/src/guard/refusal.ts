import { STATUS_CODES, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TesseraError, type ErrorParts } from '@tessera/errors';
import { meters } from '@tessera/telemetry';

/** Why a request is not served, and with which HTTP status. */
export interface Refusal {
  readonly status: number;
  readonly error: TesseraError;
}

/** An error as every route but GraphQL's own sends it: in GraphQL's shape. */
export function asErrors(
  { code, message, parts }: TesseraError,
  field: readonly string[] | null = parts?.field ?? null,
): object {
  meters.refusals.inc({ code });
  return { errors: [{ message, extensions: { code, ...(field && { field }) } }] };
}

export function notFound({ method, path }: { readonly method: string; readonly path: string }): TesseraError {
  return new TesseraError({
    code: 'not-found',
    who: 'api',
    got: `${method} ${path.slice(0, 100)}`,
    expected: '/graphql, the playground at /, or a path of /openapi.json, as /v1/generations',
    next: 'Correct the path.',
  });
}

/** Refuses where Node has made no response: on the bare connection, which ends with it. */
export function refuseOn(socket: Duplex, { status, error }: Refusal): void {
  const body = JSON.stringify(asErrors(error));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end([...head, '', body].join('\r\n'));
}

/** How long a connection may keep silent, for `createServer`: it is looked at every two seconds. */
export const connectionTimes = {
  /** From its first moment, or its first byte of a request, to the end of the headers. */
  headersTimeout: 10_000,
  requestTimeout: 300_000,
  /** Between two requests: longer than browsers and proxies keep a connection, which would meet its end with a request. */
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 2000,
} as const;

interface ParserError extends Error {
  readonly code?: string;
  /** The parser's words. */
  readonly reason?: string;
}

/** What never becomes a request gets a sentence too: Node would answer it with an empty body. */
export function refuseUnreadable(server: Server): void {
  server.on('clientError', (error: ParserError, socket: Socket) => {
    // In the middle of an answer, or behind one, no sentence would be read as such. Before the first byte a client that has
    // connected ahead, as browsers do, would take it for the answer to the request that it is just about to send.
    if (!socket.writable || socket.bytesWritten > 0 || socket.bytesRead === 0) socket.destroy();
    else refuseOn(socket, refusalOf(error));
  });
}

function refusalOf({ code, reason = '' }: ParserError): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const next = 'Send fewer cookies and other headers.';
    return refusal(431, { code: 'headers-too-large', got: 'long headers', expected: 'at most 16 kB', next });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const expected = 'its headers within ten seconds and all of it within five minutes';
    return refusal(408, { code: 'request-too-slow', got: 'part of a request', expected, next: 'Send it again.' });
  }
  const got = `bytes that it cannot read${reason && ` (${reason})`}`;
  const next = 'Correct the request.';
  return refusal(400, { code: 'malformed-request', got, expected: 'a request of HTTP/1.1', next });
}

function refusal(status: number, parts: Omit<ErrorParts, 'who'>): Refusal {
  return { status, error: new TesseraError({ who: 'api', ...parts }) };
}
