import { isLast, type Append, type Claim, type Claimed } from '@tessera/store';
import { context, type Context, type Span } from '@opentelemetry/api';
import { log } from './log.ts';
import { meters } from './meters.ts';
import { contextOf, openSpan, recordSpan } from './tracing.ts';

/** A generation that this worker has claimed and that has not ended. */
interface Work {
  readonly attempt: number;
  readonly model: string;
  /** When it was accepted and when it was claimed, by this process' own `performance.now()`. */
  readonly accepted: number;
  readonly claimed: number;
  /** No step of it was written before. */
  fresh: boolean;
  /** The model has been loading since. */
  loading: number | null;
  readonly span: Span;
  readonly context: Context;
}

interface Appended {
  readonly lost: readonly Claim[];
  readonly milliseconds: number;
}

/** The parent of spans of a generation that this process works on. */
const contexts = new Map<string, Context>();

/** Runs what is done for a generation that this process has claimed: its spans hang below that of the generation. */
export function withinClaim<T>(id: string, work: () => T): T {
  const own = contexts.get(id);
  return own ? context.with(own, work) : work();
}

/** Counts, times and traces generations from their claim to their end, by what is claimed and appended. */
export class ClaimedWork {
  readonly #works = new Map<string, Work>();

  begin(claim: Claimed, { joins, began }: { readonly joins: boolean; readonly began: number }): void {
    const { id, attempt, age, trace, tokens, request } = claim;
    const { model } = request;
    meters.claimed.inc({ attempt: attempt === 1 ? 'first' : 'again' });
    if (attempt === 1) meters.waits.observe({ model }, age / 1000);
    if (joins) meters.joins.inc({ model });
    const attributes = { 'tessera.generation': id, 'tessera.model': model, 'tessera.attempt': attempt };
    const { span, context: own } = openSpan('generation', { parent: contextOf(trace), attributes });
    const now = performance.now();
    recordSpan('claim', now - began, { parent: own });
    contexts.set(id, own);
    const fresh = tokens.length === 0;
    this.#works.set(id, {
      attempt,
      model,
      accepted: now - age,
      claimed: now,
      fresh,
      loading: null,
      span,
      context: own,
    });
    log.info({ id, model, attempt, waitedMs: Math.round(age) }, 'generation claimed');
  }

  appended(events: readonly Append[], { lost, milliseconds }: Appended): void {
    for (const { id, attempt } of lost) if (this.#works.get(id)?.attempt === attempt) this.#lose(id);
    const ours = events.filter(({ id, attempt }) => this.#works.get(id)?.attempt === attempt);
    for (const id of new Set(ours.map((event) => event.id))) {
      recordSpan('append', milliseconds, { parent: this.#works.get(id)!.context });
    }
    for (const event of ours) this.#written(event, milliseconds);
  }

  /** Given back, or taken by others. */
  drop(claims: readonly Claim[], reason: string): void {
    for (const { id, attempt } of claims) {
      if (this.#works.get(id)?.attempt !== attempt) continue;
      log.info({ id, attempt, reason }, 'generation released');
      this.#end(id, reason);
    }
  }

  /** What the database says is this worker's own: the others were lost without a word. */
  keep(owned: readonly Claim[]): void {
    const ids = new Set(owned.map(({ id }) => id));
    // One that was claimed after the beat was sent is not in its answer yet.
    const old = performance.now() - 10_000;
    for (const [id, { claimed }] of this.#works) if (!ids.has(id) && claimed < old) this.#lose(id);
  }

  #written({ id, body }: Append, milliseconds: number): void {
    const work = this.#works.get(id);
    if (!work) return;
    const { model, context: own } = work;
    const now = performance.now();
    if (body.kind === 'loading') work.loading = now;
    else if (work.loading !== null) {
      const took = now - work.loading;
      meters.loads.observe({ model }, took / 1000);
      recordSpan('load', took, { parent: own, attributes: { 'tessera.model': model } });
      work.loading = null;
    }
    if (body.kind === 'step') {
      meters.steps.observe({ model }, body.milliseconds / 1000);
      if (work.fresh) meters.firstSteps.observe({ model }, (now - work.accepted) / 1000);
      work.fresh = false;
      const attributes = { 'tessera.step': body.index, 'tessera.steps': body.of };
      recordSpan('step', body.milliseconds, { parent: own, attributes, ago: milliseconds });
    }
    if (!isLast(body.kind)) return;
    const code = body.kind === 'failed' ? body.code : '';
    meters.ended.inc({ model, state: body.kind, code });
    if (body.kind === 'completed') meters.images.inc({ model }, body.images.length);
    const ms = Math.round(now - work.accepted);
    log[code ? 'warn' : 'info']({ id, model, state: body.kind, ...(code && { code }), ms }, 'generation ended');
    this.#end(id, code || body.kind);
  }

  #lose(id: string): void {
    if (!this.#works.has(id)) return;
    meters.lost.inc();
    log.warn({ id }, 'claim lost: another worker has taken the generation over');
    this.#end(id, 'claim-lost');
  }

  #end(id: string, outcome: string): void {
    this.#works.get(id)?.span.setAttribute('tessera.outcome', outcome).end();
    this.#works.delete(id);
    contexts.delete(id);
  }
}
