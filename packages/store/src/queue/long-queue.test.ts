import { expect, it } from 'vitest';
import { onEachStore } from '../testing/each-store.ts';
import { enqueue, workerState } from '../testing/requests.ts';

const WAITING = 4000;
const RUNNING = 400;

onEachStore((opened) => {
  // Time that grows with the square of the queue would be some twenty times as long.
  it(`takes no longer than a second for each question where ${WAITING} wait`, async () => {
    const { store } = opened();
    const { database, queue, generations } = store;
    const [id] = await enqueue(store, [{}]);
    await database.query(
      `INSERT INTO generation (id, model, tenant, client, request, state, last_seq, batch_key, image_count, created_at, worker)
       SELECT gen_random_uuid(), model, tenant, 'client ' || i % 100, request, CASE WHEN i <= $2 THEN 'running' ELSE state END,
         last_seq, batch_key, image_count, created_at, CASE WHEN i <= $2 THEN 'w' END
       FROM generation, generate_series(1, $3) i WHERE id = $1`,
      [id, RUNNING, WAITING + RUNNING - 1],
    );
    await queue.register({ id: 'w', name: 'w', state: workerState });
    const slow: string[] = [];
    const measured = async (name: string, run: () => Promise<unknown>) => {
      // The first call also makes the plan.
      const times = [];
      for (let i = 0; i < 2; i++) {
        const from = performance.now();
        await run();
        times.push(performance.now() - from);
      }
      if (Math.min(...times) > 1000) slow.push(`${name}: ${times.map(Math.round).join(', ')} ms`);
    };
    await measured('create', () => enqueue(store, [{}]));
    await measured('places', () => generations.places());
    await measured('claim', () => queue.claim({ worker: 'w', models: ['m'], maxImages: 64 }));
    await measured('join', () => queue.claim({ worker: 'w', models: ['m'], maxImages: 64, batchKey: 'k' }));
    await measured('beat', () => queue.beat('w', workerState));
    await measured('reap', () => queue.reap());
    expect(slow).toEqual([]);
  });
});
