import { lookup, type LookupAddress } from 'node:dns';
import { lookup as resolveAll } from 'node:dns/promises';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { isTesseraError, TesseraError } from '@tessera/errors';

export interface SafeRequest {
  readonly method: 'POST' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the look-up of the name to the last byte, in milliseconds. */
  readonly timeoutMs: number;
  /** Of the answer's body; a longer one is cut off and is an error. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** As it came: a redirection is an answer like others, and is not followed. */
export interface SafeAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface SafeFetchParts {
  /** Every address of a name. */
  resolve(hostname: string): Promise<readonly LookupAddress[]>;
  permits(address: string): boolean;
  /** Certificates that are trusted in place of the usual ones. */
  readonly ca?: string;
}

/** Sends a request to a URL that a client has named. @throws TesseraError as `safeFetch` says */
export type SafeFetch = (url: string, request: SafeRequest) => Promise<SafeAnswer>;

const onInternet: SafeFetchParts = {
  resolve: (hostname) => resolveAll(hostname, { all: true }),
  permits: isPublic,
};

/**
 * For URLs that clients name: a server that sends requests is inside of networks that its clients are not. Only https, only
 * public addresses, and only the addresses that were looked at: the name is resolved once, and the connection takes what
 * that gave, so a name that changes in between (DNS rebinding) changes nothing. No proxy, no cookie, no redirection.
 * @throws TesseraError `url-refused` for a URL that is never asked, `url-unreachable` where nothing answers in time
 */
export function safeFetch(parts: SafeFetchParts = onInternet): SafeFetch {
  return async (text, request) => {
    const url = requirePublicUrl(text, parts);
    const timeout = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal ? AbortSignal.any([timeout, request.signal]) : timeout;
    try {
      const addresses = await addressesOf(url, parts, signal);
      return await send(url, request, { addresses, signal, ca: parts.ca });
    } catch (error) {
      if (isTesseraError(error)) throw error;
      throw unreachable(url, timeout.aborted ? `no answer within ${request.timeoutMs} ms` : (error as Error).message);
    }
  };
}

/**
 * What can be said of a URL before its name is resolved.
 * @throws TesseraError `url-refused`
 */
export function requirePublicUrl(text: string, { permits }: Pick<SafeFetchParts, 'permits'> = onInternet): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:') throw refused(text, 'a URL that does not begin with https');
  if (url.username || url.password) throw refused(text, 'a URL with a user name or a password');
  const host = bare(url.hostname);
  if (ipaddr.isValid(host) && !permits(host)) throw refused(text, 'an address that is not public');
  return url;
}

/** Of the internet itself: nothing private, local, shared, reserved, translated or for many. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  // A public address by its number, behind which each machine of Azure finds its own host.
  return parsed.range() === 'unicast' && parsed.toString() !== '168.63.129.16';
}

/** IPv6 without its brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** All of them, each looked at: one that is not public refuses the name. */
async function addressesOf(
  url: URL,
  { resolve, permits }: SafeFetchParts,
  signal: AbortSignal,
): Promise<readonly LookupAddress[]> {
  const host = bare(url.hostname);
  const family = ipaddr.isValid(host) ? (ipaddr.parse(host).kind() === 'ipv6' ? 6 : 4) : null;
  const addresses = family === null ? await beforeAbort(resolve(host), signal) : [{ address: host, family }];
  if (addresses.length === 0) throw unreachable(url, 'the name has no address');
  const wrong = addresses.find(({ address }) => !permits(address));
  if (wrong) throw refused(url.href, `a name of the address ${wrong.address}, which is not public`);
  return addresses;
}

function beforeAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    promise.then(resolve, reject);
  });
}

interface Sending {
  readonly addresses: readonly LookupAddress[];
  readonly signal: AbortSignal;
  readonly ca: string | undefined;
}

function send(url: URL, { method, headers, body, maxBytes }: SafeRequest, by: Sending): Promise<SafeAnswer> {
  const pinned: typeof lookup = ((_name: string, options: { all?: boolean }, done: (...args: unknown[]) => void) => {
    const [{ address, family }] = by.addresses as [LookupAddress];
    if (options.all) done(null, by.addresses);
    else done(null, address, family);
  }) as typeof lookup;
  const options: RequestOptions = { method, headers, lookup: pinned, signal: by.signal, agent: false };
  if (by.ca !== undefined) options.ca = by.ca;
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(url, options);
    sent.on('error', reject);
    sent.on('response', (answer) => void readBody(answer, maxBytes).then(resolve, reject));
    sent.end(body);
  });
}

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<SafeAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(chunks) };
}

function refused(url: string, why: string): TesseraError {
  return new TesseraError({
    code: 'url-refused',
    who: 'api',
    got: `${why} (${url.slice(0, 100)})`,
    expected: 'an https URL of a public address',
    next: 'Name a server on the internet, by its name.',
  });
}

function unreachable(url: URL, why: string): TesseraError {
  return new TesseraError({
    code: 'url-unreachable',
    who: 'api',
    // Without its path and query, which may hold a secret.
    got: `no answer of ${url.origin} (${why})`,
    expected: 'one in time',
    next: 'Look at that server, then try again.',
  });
}
