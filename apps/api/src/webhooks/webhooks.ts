import { TesseraError } from '@tessera/errors';
import { isLast, type EventKind, type GenerationEvent, type Owner, type Store } from '@tessera/store';
import { log, logError, meters, troubleOf } from '@tessera/telemetry';
import { requirePublicUrl, type SafeFetch } from '../guard/safe-fetch.ts';
import { signedHeaders, webhookSecret } from './webhook-signature.ts';
import { webhookRecords, type DueWebhook, type WebhookRecords } from './webhook-records.ts';

/** Which events a webhook is told: `completed` is the last one, whichever that is. */
export type WebhookEvent = 'started' | 'step' | 'completed';

export interface WebhookWish {
  readonly url: string;
  /** `completed` alone where left out. */
  readonly events?: readonly WebhookEvent[] | null | undefined;
}

/** Tells URLs that clients name what becomes of their generations, at least once each and in order. */
export interface Webhooks {
  /**
   * Is called before the generation of this id is written, so that none is without its webhook.
   * @throws TesseraError `url-refused`, `webhook-invalid`
   */
  add(generationId: string, owner: Owner, wish: WebhookWish): Promise<void>;
  /** What this tenant's messages are signed with. */
  secretOf(tenant: string): string;
  close(): Promise<void>;
}

export interface WebhookParts {
  readonly store: Store;
  readonly fetch: SafeFetch;
  readonly serverSecret: Uint8Array;
  /** The body of a message. */
  readonly describe: (generationId: string, event: GenerationEvent) => Promise<object | null>;
  /** Seconds to the next try, after each that failed; then the webhook is given up. */
  readonly retries?: readonly number[];
  readonly permits?: (url: string) => void;
}

/** As Standard Webhooks recommends: more than a day in all. */
const usualRetries = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
const kindsOf: Readonly<Record<WebhookEvent, readonly EventKind[]>> = {
  started: ['started', 'restarted'],
  step: ['step'],
  completed: ['completed', 'failed', 'canceled'],
};
const AT_A_TIME = 8;
const LONGEST_URL = 2000;
/** Steps may follow each other faster than they are told: of those that gather, the newest is told. */
const GATHER_MS = 300;
/** For what another process has made while no hint came. */
const LOOK_MS = 5000;
const ORPHANS_MS = 10 * 60 * 1000;

export function openWebhooks(parts: WebhookParts): Webhooks {
  return new Deliverer(parts);
}

class Deliverer implements Webhooks {
  readonly #parts: WebhookParts;
  readonly #records: WebhookRecords;
  readonly #retries: readonly number[];
  readonly #ending = new AbortController();
  readonly #forget: () => void;
  readonly #timers: NodeJS.Timeout[];
  readonly #running = new Set<Promise<void>>();
  readonly #trouble = troubleOf('webhooks cannot be looked for', 'webhooks are looked for again');
  #soon: NodeJS.Timeout | undefined;
  /** None was due and unsent at the last look: hints of other generations are no reason to look again. */
  #idle = true;
  #looking = false;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    this.#records = webhookRecords(parts.store.database);
    this.#retries = parts.retries ?? usualRetries;
    this.#forget = parts.store.onHint(({ kind }) => {
      if (kind === 'events' && !this.#idle) this.#lookSoon();
    });
    const orphans = () => void this.#records.removeOrphans().catch(() => undefined);
    this.#timers = [setInterval(() => void this.#look(), LOOK_MS), setInterval(orphans, ORPHANS_MS)];
    for (const timer of this.#timers) timer.unref();
    // What an earlier process has left.
    this.#lookSoon();
  }

  async add(generationId: string, owner: Owner, { url, events }: WebhookWish): Promise<void> {
    (this.#parts.permits ?? requirePublicUrl)(url);
    if (url.length > LONGEST_URL) throw invalid(`a URL of ${url.length} characters`, `at most ${LONGEST_URL}`);
    const wanted = events ?? ['completed'];
    if (wanted.length === 0) throw invalid('no events', 'at least one of started, step, completed');
    const kinds = [...new Set(wanted)].flatMap((event) => kindsOf[event]);
    await this.#records.add(generationId, owner, { url, kinds });
    this.#idle = false;
  }

  secretOf(tenant: string): string {
    return webhookSecret(this.#parts.serverSecret, tenant);
  }

  async close(): Promise<void> {
    this.#forget();
    clearTimeout(this.#soon);
    for (const timer of this.#timers) clearInterval(timer);
    this.#ending.abort();
    await Promise.all(this.#running);
  }

  #lookSoon(): void {
    if (this.#ending.signal.aborted) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#look();
    }, GATHER_MS);
  }

  /** Takes as many as may be told at a time. */
  async #look(): Promise<void> {
    const room = AT_A_TIME - this.#running.size;
    if (room <= 0 || this.#looking) return;
    this.#looking = true;
    try {
      const due = await this.#records.claim(room);
      this.#idle = due.length === 0 && this.#running.size === 0 && !(await this.#anyLeft());
      this.#trouble.worked();
      for (const webhook of due) this.#start(webhook);
    } catch (error) {
      // The next look finds what this one did not.
      this.#trouble.failed(error);
    } finally {
      this.#looking = false;
    }
  }

  async #anyLeft(): Promise<boolean> {
    const { rows } = await this.#parts.store.database.query('SELECT FROM webhook LIMIT 1');
    return rows.length > 0;
  }

  #start(webhook: DueWebhook): void {
    const running = this.#tell(webhook)
      .catch((error: unknown) => logError('a webhook could not be told', error))
      .finally(() => {
        this.#running.delete(running);
        this.#lookSoon();
      });
    this.#running.add(running);
  }

  /** Tells the next event; `told` makes the one after it due at once. */
  async #tell(webhook: DueWebhook): Promise<void> {
    const { generationId: id, sentSeq } = webhook;
    const logs = await this.#parts.store.generations.eventsAfter([{ id, after: sentSeq, most: MOST_EVENTS }]);
    const events = logs.get(id);
    if (!events) return this.#records.remove(id);
    const next = nextOf(events, webhook.kinds);
    if (!next) {
      const last = events.at(-1);
      return last && isLast(last.kind) ? this.#records.remove(id) : this.#records.told(id, last?.seq ?? sentSeq);
    }
    const body = await this.#parts.describe(id, next);
    if (!body) return this.#records.remove(id);
    const timer = meters.webhooks.startTimer();
    const answer = await this.#send(webhook, next, JSON.stringify(body));
    if (this.#ending.signal.aborted) return;
    timer({ result: answer === 'taken' ? 'delivered' : answer === 'gone' ? 'gone' : 'failed' });
    if (answer === 'gone') return this.#giveUp(webhook, 'its receiver said 410 Gone');
    if (answer !== 'taken') return this.#failed(webhook, answer.why);
    if (isLast(next.kind)) await this.#records.remove(id);
    else await this.#records.told(id, next.seq);
  }

  async #send(webhook: DueWebhook, event: GenerationEvent, body: string): Promise<Answer> {
    const id = `${webhook.generationId}.${event.seq}`;
    const secret = this.secretOf(webhook.tenant);
    const headers = {
      ...signedHeaders(secret, id, body, Math.floor(Date.now() / 1000)),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'Tessera-Webhooks',
    };
    const request = { method: 'POST', headers, body, timeoutMs: 15_000, maxBytes: 65_536 } as const;
    try {
      const { status } = await this.#parts.fetch(webhook.url, { ...request, signal: this.#ending.signal });
      if (status === 410) return 'gone';
      return status >= 200 && status < 300 ? 'taken' : { why: `status ${status}` };
    } catch (error) {
      return { why: (error as Error).message };
    }
  }

  async #failed(webhook: DueWebhook, why: string): Promise<void> {
    const seconds = this.#retries[webhook.failures];
    if (seconds === undefined) return this.#giveUp(webhook, why);
    // Receivers that fail together are not asked together again.
    await this.#records.failed(webhook.generationId, seconds * (0.9 + 0.2 * Math.random()));
  }

  async #giveUp({ generationId: id }: DueWebhook, why: string): Promise<void> {
    log.warn({ id, why }, 'a webhook is given up');
    await this.#records.remove(id);
  }
}

/** Of a log that is told late. */
const MOST_EVENTS = 500;

type Answer = 'taken' | 'gone' | { readonly why: string };

/** The next event to tell: of steps in a row only the newest, of others each. */
function nextOf(events: readonly GenerationEvent[], kinds: readonly EventKind[]): GenerationEvent | undefined {
  const wanted = events.filter(({ kind }) => kinds.includes(kind));
  const state = wanted.findIndex(({ kind }) => kind !== 'step');
  const steps = state === -1 ? wanted : wanted.slice(0, state);
  return steps.at(-1) ?? wanted[state];
}

function invalid(got: string, expected: string): TesseraError {
  return new TesseraError({
    code: 'webhook-invalid',
    who: 'createGeneration',
    got: `a webhook with ${got}`,
    expected,
    next: 'Correct the webhook.',
    field: ['webhook'],
  });
}
