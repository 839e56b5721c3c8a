import type { IncomingMessage } from 'node:http';

/** Whether a request comes from a page of this server or from a program: programs send no Origin. */
export function isOwnPage({ headers }: IncomingMessage): boolean {
  if (!headers.origin) return true;
  try {
    return new URL(headers.origin).host === headers.host;
  } catch {
    return false;
  }
}
