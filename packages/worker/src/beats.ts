import type { Claim, WorkQueue, WorkerState } from '@tessera/store';
import type { Claims } from './claims.ts';
import { pause } from './pauses.ts';
import { onceInARow, wordsOf } from './reports.ts';

export interface Beating {
  readonly queue: Pick<WorkQueue, 'beat' | 'leaseMs'>;
  readonly worker: string;
  state(): WorkerState;
  readonly claims: Pick<Claims, 'held' | 'calls' | 'cancel' | 'lose' | 'release'>;
  readonly report: (line: string) => void;
}

/** After a beat that failed the next one comes sooner: little is left of the lease. */
const SOON_MS = 250;

/** Renews the lease three times in its length, and acts on what the database says of this worker's claims. */
export function startBeats(beating: Beating): { stop(): Promise<void> } {
  const abort = new AbortController();
  const { signal } = abort;
  const report = onceInARow(beating.report);
  const run = async () => {
    while (!signal.aborted) {
      try {
        await beat(beating);
        report(null);
        await pause(beating.queue.leaseMs / 3, signal);
      } catch (error) {
        report(`[worker] a beat failed: ${wordsOf(error)}`);
        await pause(SOON_MS, signal);
      }
    }
  };
  const ended = run();
  return {
    stop() {
      abort.abort();
      return ended;
    },
  };
}

async function beat({ queue, worker, state, claims }: Beating): Promise<void> {
  const { held: before, calls } = claims;
  const { canceled, owned } = await queue.beat(worker, state());
  for (const id of canceled) claims.cancel(id);
  for (const claim of before) if (!has(owned, claim)) claims.lose(claim);
  // What is being claimed just now may be in one list and not yet in the other.
  if (calls % 2 === 1 || calls !== claims.calls) return;
  // The answer of a `claim` was lost.
  const unknown = owned.filter((claim) => !has([...before, ...claims.held], claim));
  await claims.release(unknown, null);
}

function has(claims: readonly Claim[], { id, attempt }: Claim): boolean {
  return claims.some((claim) => claim.id === id && claim.attempt === attempt);
}
