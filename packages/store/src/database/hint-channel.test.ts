import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { openStore, type Hint, type Store } from '../index.ts';
import { newDatabase } from '../testing/new-database.ts';
import { openedInTests, until } from '../testing/opened-in-tests.ts';
import { enqueue, stepBody, workerState } from '../testing/requests.ts';

const open = openedInTests();

describe('hints', () => {
  const listen = (store: Store) => {
    const heard: Hint[] = [];
    store.onHint((hint) => heard.push(hint));
    return heard;
  };

  it('reach other processes, and their own at once and once', async () => {
    const url = await newDatabase();
    const [one, two] = [await open(url), await open(url)];
    const [own, others] = [listen(one), listen(two)];
    const ids = await enqueue(one, [{}]);
    await one.generations.cancel(ids[0]!);
    const queued = { kind: 'queue', id: '' };
    const ended = { kind: 'events', id: ids[0] };
    // How it ended is told in the process that wrote it alone: it counts each end once.
    const expected = [queued, { ...ended, ending: { state: 'canceled', code: '', model: 'm' } }];
    expect(own).toEqual(expected);
    await until(() => others.length === 2);
    await sleep(50);
    expect([own, others]).toEqual([expected, [queued, ended]]);
  });

  it('of many generations go together', async () => {
    const url = await newDatabase();
    const [one, two] = [await open(url), await open(url)];
    const ids = await enqueue(one, Array(400).fill({}));
    await one.queue.register({ id: 'w', name: 'w', state: workerState });
    const claims = await one.queue.claim({ worker: 'w', models: ['m'], maxImages: 400 });
    const others = listen(two);
    await one.queue.append(claims.map(({ id, attempt }) => ({ id, attempt, seq: 2, body: stepBody(0) })));
    await until(() => others.length >= 400);
    expect(new Set(others.map(({ id }) => id))).toEqual(new Set(ids));
  });

  it('come again after their connection was cut; meanwhile everything works', async () => {
    const url = await newDatabase();
    const [one, two] = [await open(url), await open(url)];
    const others = listen(two);
    const cut =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tessera hints' AND datname = current_database()";
    await one.database.query(cut);
    const [id] = await enqueue(one, [{}]);
    expect(await two.generations.find(id!, null)).not.toBeNull();
    // Reconnected, it says that it may have missed something.
    await until(() => others.length > 0);
    await until(async () => {
      await one.generations.cancel((await enqueue(one, [{}]))[0]!);
      return others.some(({ kind }) => kind === 'events');
    });
  });

  it('leave no connection open where it cannot listen', async () => {
    const url = await newDatabase();
    const one = await open(url);
    const { query } = pg.Client.prototype as unknown as { query: (...given: unknown[]) => unknown };
    const spy = vi.spyOn(pg.Client.prototype as unknown as { query: typeof query }, 'query');
    spy.mockImplementation(function (this: unknown, ...given) {
      return String(given[0]).includes('LISTEN') ? query.call(this, 'LISTEN') : query.apply(this, given);
    });
    await expect(openStore({ url })).rejects.toMatchObject({ code: 'database-unreachable' });
    spy.mockRestore();
    const hints = `SELECT pid FROM pg_stat_activity WHERE application_name = 'tessera hints' AND datname = current_database()`;
    await until(async () => (await one.database.query(hints)).rows.length === 1);
  });

  it('of a removed generation come, and it counts as removed, where the answer of its removal was lost', async () => {
    const store = await open(await newDatabase());
    const [id] = await enqueue(store, [{}]);
    const heard = listen(store);
    const { query } = pg.Pool.prototype as unknown as { query: (...given: unknown[]) => Promise<unknown> };
    const spy = vi.spyOn(pg.Pool.prototype as unknown as { query: typeof query }, 'query');
    let lost = 0;
    spy.mockImplementation(async function (this: unknown, ...given) {
      const answer = await query.apply(this, given);
      if ((given[0] as { name?: string }).name === 'remove' && lost++ === 0) throw new Error('Connection terminated');
      return answer;
    });
    expect(await store.generations.remove(id!)).toBe(true);
    spy.mockRestore();
    expect(lost).toBe(2);
    expect(heard.map(({ kind }) => kind)).toEqual(['cancel', 'events']);
    expect(await store.generations.remove(id!)).toBe(false);
  });
});
