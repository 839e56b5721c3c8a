import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { context, SpanKind, trace, type Span } from '@opentelemetry/api';
import { contextOf, log, meters, openSpan, traceparentOf } from '@tessera/telemetry';

/** What orchestrators and Prometheus ask every few seconds: counted, but in no trace and in no log above `debug`. */
const probes = /^\/(healthz|readyz|metrics)$/;
/** What is worth a trace: pictures and the page's own files would hide it. */
const traced = /^\/(graphql|v1)(\/|$)/;

/** Counts, times, logs and traces every request, whatever comes of it: before all other handlers. */
export const observeRequests: RequestHandler = (request, response, next) => {
  const began = performance.now();
  const id = requestId(request.headers);
  response.set('X-Request-Id', id);
  const { path, method } = request;
  const span = traced.test(path) ? requestSpan(request, response) : null;
  response.once('close', () => {
    const route = routeOf(request, response);
    const status = response.writableFinished ? String(response.statusCode) : 'aborted';
    const ms = performance.now() - began;
    meters.requests.observe({ route, method, status }, ms / 1000);
    const { key, tenant } = whoAsked(response);
    const facts = { id, method, route, status, ms: Math.round(10 * ms) / 10, key, tenant };
    log[probes.test(path) ? 'debug' : 'info'](facts, 'request');
    if (span) endSpan(span, `${method} ${route}`, status);
  });
  if (span) context.with(trace.setSpan(context.active(), span), next);
  else next();
};

/** A client's own, where it is short and plain; else a new one. */
function requestId(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

/** Below the client's own span where it sent one; the answer names ours, so that the client finds it. */
function requestSpan({ headers, method }: Request, response: Response): Span {
  const given = headers['traceparent'];
  const parent = contextOf(typeof given === 'string' ? given : null);
  const attributes = { 'http.request.method': method };
  const { span, context: own } = openSpan(method, { parent, kind: SpanKind.SERVER, attributes });
  const name = traceparentOf(own);
  if (name) response.set('traceparent', name);
  return span;
}

function endSpan(span: Span, name: string, status: string): void {
  span.updateName(name);
  span.setAttribute('http.response.status_code', Number(status) || status);
  span.end();
}

/** As it is declared, never as it was asked: a path may hold anything, and there are too many. */
function routeOf({ route, baseUrl }: Request, { statusCode }: Response): string {
  const declared = (route as { readonly path?: unknown } | undefined)?.path;
  if (typeof declared === 'string') return `${baseUrl}${declared}`;
  return baseUrl || (statusCode >= 400 ? 'none' : 'page');
}

interface KnownCaller {
  readonly owner: { readonly tenant: string };
  readonly key: { readonly prefix: string } | null;
}

/** The beginning of the key, never the key. */
function whoAsked({ locals }: Response): { readonly key?: string; readonly tenant?: string } {
  const caller = locals['caller'] as KnownCaller | undefined;
  return caller?.key ? { key: caller.key.prefix, tenant: caller.owner.tenant } : {};
}
