import type { Store } from '@tessera/store';
import { pause } from './pauses.ts';
import { wordsOf } from './reports.ts';

export interface ReaperParts {
  readonly store: Pick<Store, 'queue' | 'ready'>;
  readonly report: (line: string) => void;
}

/**
 * Requeues what dead workers ran, three times in the length of a lease. Where the database was away, living workers could
 * not beat either: they get a whole lease before the next call.
 */
export function startReaper({ store, report }: ReaperParts): { stop(): Promise<void> } {
  const abort = new AbortController();
  const { signal } = abort;
  const { leaseMs } = store.queue;
  const run = async () => {
    for (let failed = false; !signal.aborted;) {
      // Not all processes at once.
      await pause((leaseMs / 3) * (0.75 + Math.random() / 2), signal);
      if (failed && !(await store.ready())) continue;
      if (failed) await pause(leaseMs, signal);
      if (signal.aborted) return;
      try {
        await store.queue.reap();
        failed = false;
      } catch (error) {
        if (!failed) report(`[reaper] failed: ${wordsOf(error)}`);
        failed = true;
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
