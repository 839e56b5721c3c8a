import type { IncomingMessage } from 'node:http';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { Database } from '@tessera/store';
import type { Refusal } from '../http/refusal.ts';
import { apiKeys } from './api-keys.ts';
import type { Caller } from './caller.ts';
import type { GuardOptions } from './guard-options.ts';
import { plainUrls, readSecret, signedUrls, type ImageUrls } from './image-urls.ts';
import { keyRing } from './key-ring.ts';
import { trustedDocuments, type TrustedDocuments } from './trusted-documents.ts';

/** Knows who asks, on every transport. */
export interface Guard {
  readonly auth: 'off' | 'keys';
  readonly urls: ImageUrls;
  readonly documents: TrustedDocuments;
  /** `authorization` as a socket says it in its first message; left out, the header of the request. */
  identify(request: IncomingMessage, authorization?: string): Promise<Caller | Refusal>;
  /** Calls `close` where the caller's key is revoked while something of it is open; the returned function forgets that. */
  whenRevoked(caller: Caller, close: () => void): () => void;
  close(): void;
}

interface Settings extends GuardOptions {
  readonly auth: Guard['auth'];
}

export async function openGuard(
  database: Database,
  { auth, secret, trustedOnly, ...options }: Settings,
): Promise<Guard> {
  const urls = auth === 'off' ? plainUrls() : signedUrls(await readSecret(database, secret));
  const ring = keyRing(apiKeys(database));
  return {
    auth,
    urls,
    documents: trustedDocuments({ files: options.documents, only: trustedOnly }),
    async identify(request, authorization = request.headers.authorization) {
      const address = addressOf(request);
      if (auth === 'off') return { owner: { tenant: '', client: address }, key: null, address, admin: true };
      if (authorization === undefined) return refused('key-missing', 'a request without a key');
      const secret = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
      if (secret === undefined) return refused('key-invalid', 'an Authorization of another form');
      const key = await ring.find(secret).catch(unanswered);
      if (key && 'error' in key) return key;
      if (!key) return refused('key-invalid', 'a key that is not known, or revoked');
      return { owner: { tenant: key.tenant, client: key.id }, key, address, admin: key.admin };
    },
    whenRevoked: ({ key }, close) => (key ? ring.watch(key, close) : () => undefined),
    close: () => ring.close(),
  };
}

export function isRefusal(found: Caller | Refusal): found is Refusal {
  return 'error' in found;
}

function addressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
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
