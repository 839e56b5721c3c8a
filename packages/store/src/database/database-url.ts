import { printable, TesseraError } from '@tessera/errors';
import { codeOf } from './storage-failed.ts';

const example = 'postgresql://user:password@host/tessera';

/** @throws TesseraError `database-url-invalid` where it is none of PostgreSQL; the text is not repeated, as it may hold a password */
export function requireDatabaseUrl(url: string): void {
  const parsed = parse(url);
  if (url.startsWith('/') || /^(postgres(ql)?|socket):$/.test(parsed?.protocol ?? '')) return;
  throw new TesseraError({
    code: 'database-url-invalid',
    who: 'store',
    got: parsed ? `DATABASE_URL of the protocol ${parsed.protocol}` : 'DATABASE_URL that is not a URL',
    expected: 'a URL of PostgreSQL',
    next: `Write it like DATABASE_URL=${example}.`,
  });
}

/** What an error at the first connection says: `database-refused`, `database-missing`, `database-unreachable`. */
export function didNotOpen(url: string, cause: unknown): TesseraError {
  const place = placeOf(url);
  const why = printable(cause instanceof Error ? cause.message || codeOf(cause) : String(cause), 300);
  const code = codeOf(cause);
  // Class 28: the user, the password, or the rules of pg_hba.conf.
  if (code.startsWith('28')) {
    return new TesseraError({
      code: 'database-refused',
      who: 'store',
      got: `a refusal of PostgreSQL at ${place} (${why})`,
      expected: 'a user and a password that it accepts',
      next: 'Correct the user and the password in DATABASE_URL.',
      cause,
    });
  }
  if (code === '3D000') {
    return new TesseraError({
      code: 'database-missing',
      who: 'store',
      got: `no such database of PostgreSQL at ${place} (${why})`,
      expected: 'a database that is there',
      next: 'Create it with createdb, or correct its name in DATABASE_URL.',
      cause,
    });
  }
  return new TesseraError({
    code: 'database-unreachable',
    who: 'store',
    got: `no answer of PostgreSQL at ${place} (${why})`,
    expected: 'a database that can be opened',
    next: 'Start it, or correct DATABASE_URL.',
    cause,
  });
}

/** The oldest whose every statement of the store is tried, as PostgreSQL numbers itself. */
const LEAST_VERSION = 140_000;

/** @throws TesseraError `database-too-old` where that version of PostgreSQL (`server_version_num`) is */
export function requireVersion(url: string, version: number): void {
  if (version >= LEAST_VERSION) return;
  throw new TesseraError({
    code: 'database-too-old',
    who: 'store',
    got: `PostgreSQL ${Math.floor(version / 10_000)} at ${placeOf(url)}`,
    expected: `PostgreSQL ${LEAST_VERSION / 10_000} or newer`,
    next: 'Bring it up to date with pg_upgrade, or set DATABASE_URL to a newer one.',
  });
}

/** Without user and password. */
function placeOf(url: string): string {
  const parsed = parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'the socket of DATABASE_URL';
}

/** As `pg` reads it, which allows a user without a host where a socket is meant. */
function parse(url: string): URL | null {
  const text = url.replace('@/', '@localhost/');
  return URL.canParse(text) ? new URL(text) : null;
}
