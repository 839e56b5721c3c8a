import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { isTesseraError } from '@tessera/errors';

const tracer = trace.getTracer('tessera');

/** W3C `traceparent` of the span that is active here; null where nothing is traced. */
export function traceparent(): string | null {
  return traceparentOf(context.active());
}

export function traceparentOf(context: Context): string | null {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context, carrier);
  return carrier.traceparent ?? null;
}

/** What a `traceparent` names, to be the parent of spans in this process. */
export function contextOf(traceparent: string | null | undefined): Context {
  return traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT;
}

export interface SpanOptions {
  readonly attributes?: Attributes;
  /** The active one by default. */
  readonly parent?: Context;
  readonly kind?: SpanKind;
}

/** Runs `work` in a span of its own, which says whether it failed and with which code. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  const { parent = context.active(), ...rest } = options;
  const span = tracer.startSpan(name, rest, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** A span that somebody else ends: of what begins and ends in different events. Its context is the parent of its parts. */
export function openSpan(name: string, options: SpanOptions = {}): { readonly span: Span; readonly context: Context } {
  const { parent = context.active(), ...rest } = options;
  const span = tracer.startSpan(name, rest, parent);
  return { span, context: trace.setSpan(parent, span) };
}

interface PastSpan extends SpanOptions {
  /** How long ago it ended, in milliseconds: 0 where left out. */
  readonly ago?: number;
}

/** A span of something that has ended and took so long. */
export function recordSpan(name: string, milliseconds: number, options: PastSpan = {}): void {
  const { parent = context.active(), ago = 0, ...rest } = options;
  const end = Date.now() - ago;
  tracer.startSpan(name, { ...rest, startTime: end - milliseconds }, parent).end(end);
}

/** The code and, of our own sentences, the words: those of other errors may hold what a reader of traces should not see. */
export function failSpan(span: Span, error: unknown): void {
  const known = isTesseraError(error);
  if (known) span.setAttribute('tessera.code', error.code);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(known && { message: error.message }) });
}
