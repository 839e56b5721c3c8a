import { TesseraError } from '@tessera/errors';

const MOST_WAIT_S = 60;
const MOST_CANCEL_AFTER_S = 24 * 60 * 60;

/** Seconds of `Prefer: wait=10` (RFC 7240), at most a minute; a minute for `wait` alone, 0 where it is not said. */
export function waitOf(prefer: string | undefined): number {
  const found = /(?:^|[,;])\s*wait\s*(?:=\s*"?(\d{1,6})"?)?\s*(?=[,;]|$)/i.exec(prefer ?? '');
  if (!found) return 0;
  return Math.min(MOST_WAIT_S, Number(found[1] ?? MOST_WAIT_S));
}

/**
 * Milliseconds of `Cancel-After: 90`, `30s`, `5m` or `1h30m`; null where it is not said.
 * @throws TesseraError `cancel-after-invalid`
 */
export function cancelAfterOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const found = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/.exec(text.trim());
  const [hours, minutes, seconds] = (found ?? []).slice(1).map((part) => Number(part ?? 0));
  const all = (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
  if (all >= 1 && all <= MOST_CANCEL_AFTER_S) return 1000 * all;
  throw new TesseraError({
    code: 'cancel-after-invalid',
    who: 'generations',
    got: `Cancel-After: ${text.slice(0, 60)}`,
    expected: 'a time from 1s to 24h, as 30s, 5m or 1h30m',
    next: 'Correct it, or leave it out.',
    field: ['Cancel-After'],
  });
}
