import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { TesseraError } from '@tessera/errors';
import type { Database } from '@tessera/store';
import type { Refusal } from './refusal.ts';

/** Where pictures are served. A picture never changes, since its name is the hash of its content. */
export interface ImageUrls {
  /** On this server. Where keys are needed it is signed, as an `<img>` sends none, and good for 12 to 24 hours. */
  of(sha256: string): string;
  /** The same for as long as `of` gives the same URLs. */
  period(): string;
  /** What caches are told of a picture that is asked for by this query; or why it is not served. */
  admit(sha256: string, query: Readonly<Record<string, unknown>>): { readonly cacheControl: string } | Refusal;
}

/** All URLs of one period are the same, so that browsers find them in their cache. */
const PERIOD_SECONDS = 12 * 60 * 60;

export function plainUrls(): ImageUrls {
  return {
    of: (sha256) => `/images/${sha256}.png`,
    period: () => '',
    admit: () => ({ cacheControl: 'public, max-age=31536000, immutable' }),
  };
}

/** `now` in milliseconds. */
export function signedUrls(secret: Uint8Array, now: () => number = Date.now): ImageUrls {
  const sign = (sha256: string, expires: string): Buffer =>
    createHmac('sha256', secret).update(`image ${sha256} ${expires}`).digest().subarray(0, 16);
  const seconds = () => Math.floor(now() / 1000);
  const expiry = () => String((Math.floor(seconds() / PERIOD_SECONDS) + 2) * PERIOD_SECONDS);
  return {
    of(sha256) {
      const expires = expiry();
      return `/images/${sha256}.png?expires=${expires}&signature=${sign(sha256, expires).toString('base64url')}`;
    },
    period: expiry,
    admit(sha256, { expires, signature }) {
      if (expires === undefined && signature === undefined) return refused(401, 'image-url-unsigned', 'no signature');
      const given = Buffer.from(String(signature), 'base64url');
      const wanted = sign(sha256, String(expires));
      const isRight = given.length === wanted.length && timingSafeEqual(given, wanted);
      if (!isRight) return refused(403, 'image-url-invalid', 'a signature that is not of this server');
      const left = Number(expires) - seconds();
      if (left <= 0) return refused(403, 'image-url-expired', 'a signature whose time has passed');
      return { cacheControl: `private, max-age=${left}, immutable` };
    },
  };
}

function refused(status: number, code: string, got: string): Refusal {
  const next = 'Ask the API for the picture again: its url is signed.';
  return { status, error: new TesseraError({ code, who: 'api', got, expected: 'a signed URL', next }) };
}

/** 256 bits that all replicas share: what the operator says, or what the first of them wrote to the database. */
export async function readSecret(database: Database, secret: string | null): Promise<Uint8Array> {
  if (secret !== null) return Buffer.from(secret);
  const fresh = randomBytes(32).toString('base64url');
  await database.query(`INSERT INTO server_secret (name, value) VALUES ('urls', $1) ON CONFLICT DO NOTHING`, [fresh]);
  const { rows } = await database.query<{ value: string }>(`SELECT value FROM server_secret WHERE name = 'urls'`);
  return Buffer.from(rows[0]!.value, 'base64url');
}
