import type { IncomingHttpHeaders } from 'node:http';
import { TesseraError } from '@tessera/errors';
import type { Refusal } from './refusal.ts';

/** Looks at who asks, before any route and any WebSocket. */
export interface Gate {
  /** The host names under which this server answers, without ports; null is any. */
  readonly hosts: readonly string[] | null;
  /** Why such a request is not served; null where it is. */
  refusalOf(headers: IncomingHttpHeaders): Refusal | null;
}

export interface GateOptions {
  /** IP address that the server is bound to. */
  readonly address: string;
  /** What the server's own URL calls it. */
  readonly name: string;
  /** What the operator says that people call it: TESSERA_HOSTS. */
  readonly hosts: readonly string[];
}

const loopback = ['localhost', '127.0.0.1', '[::1]'];

/**
 * A page elsewhere can let its own name point at this machine (DNS rebinding) and is then, to the browser, a page of this
 * server: only the Host header tells. So a server on loopback answers to the names of loopback and to those of `hosts`.
 * On a network nobody knows the names but the operator: without `hosts` every name is served.
 */
export function createGate({ address, name, hosts }: GateOptions): Gate {
  const local = /^(::ffff:)?127\.|^::1$/.test(address);
  const served = local || hosts.length > 0 ? [...new Set([...loopback, name, ...hosts])] : null;
  return {
    hosts: served,
    refusalOf(headers) {
      if (served && !served.includes(withoutPort(headers.host ?? ''))) return foreignHost(headers.host, served);
      return isOwnPage(headers, hosts) ? null : foreignPage(headers.origin!);
    },
  };
}

function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}

/** Programs send no Origin. Another port of localhost is another server; the names of the operator are this one's. */
function isOwnPage({ origin, host }: IncomingHttpHeaders, hosts: readonly string[]): boolean {
  if (!origin) return true;
  try {
    const page = new URL(origin);
    return page.host === host?.toLowerCase() || hosts.includes(page.hostname);
  } catch {
    return false;
  }
}

function foreignHost(host: string | undefined, served: readonly string[]): Refusal {
  const error = new TesseraError({
    code: 'foreign-host',
    who: 'api',
    got: host ? `a request to the host ${host.slice(0, 100)}` : 'a request without a host',
    expected: served.join(', '),
    next: 'Ask by one of these names, or start the server with TESSERA_HOSTS=<name>.',
  });
  return { status: 421, error };
}

function foreignPage(origin: string): Refusal {
  const error = new TesseraError({
    code: 'foreign-page',
    who: 'api',
    got: `a request of a page of ${origin.slice(0, 100)}`,
    expected: 'one of a page of this server, or of a program',
    next: 'Send it from the page of this server; if that is one, start the server with TESSERA_HOSTS=<its host>.',
  });
  return { status: 403, error };
}
