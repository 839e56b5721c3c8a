import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TesseraError } from '@tessera/errors';

/** Why a request is not served, and with which HTTP status. */
export interface Refusal {
  readonly status: number;
  readonly error: TesseraError;
}

/** An error as every route but GraphQL's own sends it: in GraphQL's shape. */
export function asErrors({ code, message }: TesseraError): object {
  return { errors: [{ message, extensions: { code } }] };
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
