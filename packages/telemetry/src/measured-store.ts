import type { Store } from '@tessera/store';
import { ClaimedWork } from './claimed-work.ts';
import { log } from './log.ts';
import { meters } from './meters.ts';
import { replaceMethods } from './replace-methods.ts';
import { inSpan, traceparent } from './tracing.ts';

/**
 * The same store, which counts what API and workers do with it, and traces what a worker does with each generation. Here all
 * of it comes by, in few places.
 */
export function measuredStore(store: Store): Store {
  const { generations, queue } = store;
  const work = new ClaimedWork();
  store.onHint(({ id, ending }) => {
    if (!ending) return;
    meters.ended.inc({ ...ending });
    log.info({ id, ...ending }, 'generation ended without a worker');
  });
  return replaceMethods(store, {
    generations: replaceMethods(generations, {
      async create(generation, limits) {
        const created = await inSpan('store generation', {}, () =>
          counted(generations.create({ ...generation, trace: traceparent() }, limits)),
        );
        if (!created.existed) meters.accepted.inc({ model: generation.request.model });
        return created;
      },
    }),
    queue: replaceMethods(queue, {
      async claim(request) {
        const began = performance.now();
        const claims = await counted(queue.claim(request));
        for (const claim of claims) work.begin(claim, { joins: request.batchKey !== undefined, began });
        return claims;
      },
      async append(events) {
        const began = performance.now();
        const lost = await counted(queue.append(events));
        const milliseconds = performance.now() - began;
        meters.appends.observe(milliseconds / 1000);
        meters.appendedEvents.observe(events.length);
        work.appended(events, { lost, milliseconds });
        return lost;
      },
      async release(claims, blame) {
        await counted(queue.release(claims, blame));
        const reason = blame?.code ?? 'handed-over';
        meters.released.inc({ reason }, claims.length);
        work.drop(claims, reason);
      },
      async beat(worker, state) {
        const answer = await counted(queue.beat(worker, state));
        work.keep(answer.owned);
        return answer;
      },
      async reap() {
        const moved = await counted(queue.reap());
        meters.reaped.inc(moved);
        return moved;
      },
    }),
  });
}

async function counted<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'storage-failed') meters.storageErrors.inc({ storage: 'database' });
    throw error;
  }
}
