import type { IncomingHttpHeaders } from 'node:http';
import cors from 'cors';
import type { RequestHandler } from 'express';
import { TesseraError } from '@tessera/errors';
import type { Refusal } from './refusal.ts';

/** Looks at who asks, before any route and any WebSocket. */
export interface Gate {
  /** The host names under which this server answers, without ports; null is any. */
  readonly hosts: readonly string[] | null;
  /** Why such a request is not served; null where it is. `rawHeaders` as Node has them, with what is there twice. */
  refusalOf(headers: IncomingHttpHeaders, rawHeaders?: readonly string[]): Refusal | null;
}

export interface GateOptions {
  /** IP address that the server is bound to. */
  readonly address: string;
  /** What the server's own URL calls it. */
  readonly name: string;
  /** What the operator says that people call it: TESSERA_HOSTS. */
  readonly hosts: readonly string[];
  /** Pages of other servers that may ask: TESSERA_ORIGINS. */
  readonly origins?: readonly string[];
}

const loopback = ['localhost', '127.0.0.1', '[::1]'];

/**
 * A page elsewhere can let its own name point at this machine (DNS rebinding) and is then, to the browser, a page of
 * this server: only the Host header tells. So a server on loopback answers to the names of loopback and to those of
 * `hosts`. On a network only the operator knows the names: without `hosts` every name is served.
 */
export function createGate({ address, name, hosts, origins = [] }: GateOptions): Gate {
  const local = /^(::ffff:)?127\.|^::1$/.test(address);
  const served = local || hosts.length > 0 ? [...new Set([...loopback, name, ...hosts])] : null;
  return {
    hosts: served,
    refusalOf(headers, rawHeaders = []) {
      if (rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length > 1) return twoHosts();
      if (served && !served.includes(withoutPort(headers.host ?? ''))) return foreignHost(headers.host, served);
      const { origin } = headers;
      return !origin || origins.includes(origin) || isOwnPage(headers, hosts) ? null : foreignPage(origin);
    },
  };
}

/** A dot at the end is the same name, written in full. */
function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

/** Another port of localhost is another server; the names of the operator are this one's. */
function isOwnPage({ origin, host }: IncomingHttpHeaders, hosts: readonly string[]): boolean {
  const page = URL.canParse(origin ?? '') ? new URL(origin!) : null;
  return page !== null && (page.host === host?.toLowerCase() || hosts.includes(page.hostname));
}

function twoHosts(): Refusal {
  const error = new TesseraError({
    code: 'malformed-request',
    who: 'api',
    got: 'several Host headers',
    expected: 'one',
    next: 'Send the name of the server once.',
  });
  return { status: 400, error };
}

function foreignHost(host: string | undefined, served: readonly string[]): Refusal {
  const error = new TesseraError({
    code: 'foreign-host',
    who: 'api',
    got: host ? `a request to the host ${host.slice(0, 100)}` : 'a request without a host',
    expected: served.join(', '),
    next: 'Use one of these names, or start the server with TESSERA_HOSTS=<name>.',
  });
  return { status: 421, error };
}

function foreignPage(origin: string): Refusal {
  const named = /^https?:\/\/[\w.:[\]-]{1,100}$/.test(origin);
  const error = new TesseraError({
    code: 'foreign-page',
    who: 'api',
    got: `a request from a page of ${origin.slice(0, 100)}`,
    expected: 'one from a page of this server, or from a program',
    next: named
      ? `Send it from the page of this server, or start the server with TESSERA_ORIGINS=${origin}.`
      : 'Send it from a page that a server serves under its own name.',
  });
  return { status: 403, error };
}

/**
 * Lets the pages of listed origins read answers, and answers their preflights. Others, whom the gate has let pass, are
 * pages of this server or programs, which need none of it.
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const allow = cors({
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders: ['ETag', 'Location', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  });
  return (request, response, next) => {
    response.set('Cross-Origin-Resource-Policy', 'same-origin');
    // An answer kept from one page must not stand for that to another.
    if (origins.length > 0) response.vary('Origin');
    if (!origins.includes(request.headers.origin ?? '')) return next();
    allow(request, response, next);
  };
}
