import type { IncomingMessage } from 'node:http';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { Database, Owner } from '@tessera/store';
import type { Refusal } from './refusal.ts';
import { apiKeys, type ApiKey } from './api-keys.ts';
import type { Caller } from './caller.ts';
import { clientAddress, clientOf } from './client-address.ts';
import type { GuardOptions } from './guard-options.ts';
import { plainUrls, readSecret, signedUrls, type ImageUrls } from './image-urls.ts';
import { keyRing, type KeyRing } from './key-ring.ts';
import { quotas, type Quotas } from './quotas.ts';
import { trustedDocuments, type TrustedDocuments } from './trusted-documents.ts';

/** Knows who asks, on every transport, and how much that one may use. */
export interface Guard {
  readonly auth: 'off' | 'keys';
  readonly urls: ImageUrls;
  readonly documents: TrustedDocuments;
  readonly quotas: Quotas;
  /** The IP address that a request comes from, behind proxies too. */
  addressOf(request: IncomingMessage): string;
  /** `authorization` as a socket says it in its first message; left out, the header of the request. */
  identify(request: IncomingMessage, authorization?: string): Promise<Caller | Refusal>;
  /** Counts an open socket or stream, and calls `close` where its key is revoked; the returned function ends both. */
  whenRevoked(caller: Caller, close: () => void): () => void;
  /** Error `too-many-sockets` where this client has as many open sockets and streams here as its limit says; else null. */
  tooManyOpen(caller: Caller): TesseraError | null;
  close(): void;
}

interface Settings extends GuardOptions {
  readonly auth: Guard['auth'];
}

/** @throws TesseraError `documents-invalid`, `trust-proxy-invalid`, `storage-failed` */
export async function openGuard(database: Database, options: Settings): Promise<Guard> {
  const { auth, secret, limits, trustedOnly: only, documents: files } = options;
  const addressOf = clientAddress(options.trustProxy);
  const documents = trustedDocuments({ files, only });
  const urls = auth === 'off' ? plainUrls() : signedUrls(await readSecret(database, secret));
  const ring = keyRing(apiKeys(database));
  const counted = quotas(database, ({ client }: Owner) => ({ ...limits, ...ring.inUse(client)?.limits }));
  const open = new Map<string, number>();
  const identify = identifyBy({ ring, auth, addressOf });
  return {
    auth,
    urls,
    documents,
    quotas: counted,
    addressOf,
    identify,
    whenRevoked({ key, owner: { client } }, close) {
      open.set(client, (open.get(client) ?? 0) + 1);
      const forget = key ? ring.watch(key, close) : () => undefined;
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        forget();
        const left = open.get(client)! - 1;
        if (left > 0) open.set(client, left);
        else open.delete(client);
      };
    },
    tooManyOpen({ owner }) {
      const { sockets } = counted.limitsOf(owner);
      return sockets !== null && (open.get(owner.client) ?? 0) >= sockets ? tooManyOpen(sockets) : null;
    },
    close: () => ring.close(),
  };
}

export function isRefusal(found: Caller | Refusal): found is Refusal {
  return 'error' in found;
}

/** Wrong keys of an address in a minute: more are refused without a look into the database. */
const MOST_WRONG = 30;

interface Knowledge extends Pick<Guard, 'auth' | 'addressOf'> {
  readonly ring: KeyRing;
}

function identifyBy({ ring, auth, addressOf }: Knowledge): Guard['identify'] {
  const wrong = new RateLimiterMemory({ points: MOST_WRONG, duration: 60 });
  return async (request, authorization = request.headers.authorization) => {
    const address = addressOf(request);
    const client = clientOf(address);
    if (auth === 'off') return { owner: { tenant: '', client }, key: null, address, admin: true };
    if (authorization === undefined) return refused('key-missing', 'a request without a key');
    const secret = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
    if (secret === undefined) return refused('key-invalid', 'an Authorization of another form');
    const known = ring.known(secret);
    if (known) return callerBy(known, address);
    const before = await wrong.get(client);
    if (before && before.consumedPoints >= MOST_WRONG) return tooManyWrong(Math.ceil(before.msBeforeNext / 1000));
    const key = await ring.find(secret).catch(unanswered);
    if (key && 'error' in key) return key;
    if (key) return callerBy(key, address);
    await wrong.penalty(client);
    return refused('key-invalid', 'a key that is not known, or revoked');
  };
}

function callerBy(key: ApiKey, address: string): Caller {
  return { owner: { tenant: key.tenant, client: key.id }, key, address, admin: key.admin };
}

/** Whether it is a key cannot be said while the database does not answer. */
function unanswered(error: unknown): Refusal {
  if (!isTesseraError(error)) throw error;
  return { status: 503, error };
}

function refused(code: string, got: string): Refusal {
  const error = new TesseraError({
    code,
    who: 'api',
    got,
    expected: 'Authorization: Bearer tsr_...',
    next: 'Make a key with tessera keys create.',
  });
  return { status: 401, error };
}

function tooManyOpen(most: number): TesseraError {
  return new TesseraError({
    code: 'too-many-sockets',
    who: 'api',
    got: `one more socket or stream on top of ${most}`,
    expected: `at most ${most} of this client`,
    next: 'Close one first: one socket carries many subscriptions.',
  });
}

function tooManyWrong(retryAfter: number): Refusal {
  const error = new TesseraError({
    code: 'too-many-wrong-keys',
    who: 'api',
    got: `one more request of an address that has sent ${MOST_WRONG} wrong keys`,
    expected: 'fewer in a minute',
    next: `Send a valid key in ${retryAfter} s.`,
    retryAfter,
  });
  return { status: 429, error };
}
