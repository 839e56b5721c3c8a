import type { Engine } from '../database/engine.ts';
import type { Hint, WorkQueue } from '../store.ts';
import { append } from './append.ts';
import { claim } from './claim.ts';
import { beat, hintsOf, reap, release, unregister, workers } from './leases.ts';

interface QueueParts {
  readonly engine: Engine;
  readonly leaseMs: number;
  readonly tell: (hints: readonly Hint[]) => void;
}

export function workQueue({ engine, leaseMs, tell }: QueueParts): WorkQueue {
  /** Of the workers of this process. */
  const names = new Map<string, string>();
  return {
    leaseMs,
    async register({ id, name, state }) {
      names.set(id, name);
      await beat(engine, { id, name, state });
    },
    beat: (id, state) => beat(engine, { id, name: names.get(id) ?? id, state }),
    async unregister(worker) {
      names.delete(worker);
      tell(hintsOf(await unregister(engine, worker)));
    },
    workers: () => workers(engine),
    claim: (request) => claim(engine, leaseMs, request),
    async append(events) {
      const { lost, written } = await append(engine, events);
      const ids = new Set(events.map(({ id }) => id));
      tell([...ids].map((id) => ({ kind: 'events', id, ...(written.has(id) && { events: written.get(id)! }) })));
      return lost;
    },
    async release(claims, blame) {
      tell(hintsOf(await release(engine, claims, blame)));
    },
    async reap() {
      const moved = await reap(engine, leaseMs);
      tell(hintsOf(moved));
      return moved.length;
    },
  };
}
