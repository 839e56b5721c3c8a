import { TesseraError } from '@tessera/errors';

/** Probes and Prometheus give up after some seconds: a database that takes longer counts as one that does not answer. */
const PATIENCE_MS = 2000;

/** @throws TesseraError `storage-failed` where the answer does not come in time */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(noAnswer()), PATIENCE_MS)));
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function noAnswer(): TesseraError {
  return new TesseraError({
    code: 'storage-failed',
    who: 'api',
    got: `no answer of the database for ${PATIENCE_MS / 1000} s`,
    expected: 'one within that time',
    next: "Look at PostgreSQL's log; ask again when it answers.",
  });
}
