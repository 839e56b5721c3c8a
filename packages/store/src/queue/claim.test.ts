import { describe, expect, it } from 'vitest';
import type { ClaimRequest, NewGeneration } from '../index.ts';
import { onEachStore } from '../testing/each-store.ts';
import { enqueue, requestOf, workerState } from '../testing/requests.ts';

const by = (client: string, more: Partial<NewGeneration> = {}) => ({ owner: { tenant: '', client }, ...more });
const images = (count: number, more: Partial<NewGeneration> = {}) => ({ request: requestOf(count), ...more });
const key = (batchKey: string, more: Partial<NewGeneration> = {}) => ({ batchKey, ...more });

onEachStore((opened) => {
  const queue = () => opened().store.queue;
  const names = new Map<string, string>();
  /** Stores generations under names, oldest first. */
  const wait = async (wishes: Readonly<Record<string, Partial<NewGeneration>>>) => {
    const ids = await enqueue(opened().store, Object.values(wishes));
    Object.keys(wishes).forEach((name, i) => names.set(ids[i]!, name));
  };
  const register = (id = 'w') => queue().register({ id, name: id, state: workerState });
  const claim = async (more: Partial<ClaimRequest> = {}) => {
    const claims = await queue().claim({ worker: 'w', models: ['m'], maxImages: 1, ...more });
    return claims.map(({ id }) => names.get(id));
  };
  const claimAll = async () => {
    const order: unknown[] = [];
    for (let next = await claim(); next.length > 0; next = await claim()) order.push(...next);
    return order;
  };

  describe('what is claimed next', () => {
    it("is each client's first before anybody's second", async () => {
      await register();
      await wait({ a1: by('a'), a2: by('a'), a3: by('a'), b1: by('b'), b2: by('b'), c1: by('c') });
      expect(await claimAll()).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    });

    it('counts what runs: who has nothing running comes first', async () => {
      await register();
      await wait({ a1: by('a'), a2: by('a') });
      expect(await claim()).toEqual(['a1']);
      await wait({ b1: by('b') });
      expect(await claimAll()).toEqual(['b1', 'a2']);
    });

    it('does not mix clients of equal names of two tenants', async () => {
      await register();
      await wait({ a1: by('a'), a2: by('a'), t1: { owner: { tenant: 't', client: 'a' } } });
      expect(await claimAll()).toEqual(['a1', 't1', 'a2']);
    });

    it('is of the highest priority, fair within it', async () => {
      await register();
      const [low, high] = [{ priority: -10 }, { priority: 10 }];
      await wait({ low: by('x', low), a1: by('a'), a2: by('a', high), a3: by('a', high), b1: by('b', high) });
      expect(await claimAll()).toEqual(['a2', 'b1', 'a3', 'a1', 'low']);
    });

    it('is of a model that the worker has', async () => {
      await register();
      await wait({ other: { request: requestOf(1, 'other') }, mine: {} });
      expect(await claim()).toEqual(['mine']);
      expect([await claim(), await claim({ models: [] })]).toEqual([[], []]);
      expect(await claim({ models: ['m', 'other'] })).toEqual(['other']);
    });

    it('is nothing past its deadline, unless a worker has begun with it before', async () => {
      const { clock } = opened();
      await register();
      const [{ at }] = (await opened().store.database.query<{ at: Date }>('SELECT tessera_now() AS at')).rows as [
        { at: Date },
      ];
      const deadline = new Date(at.getTime() + 1000);
      await wait({ begun: { deadline }, waits: { deadline } });
      const [begun] = await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 });
      await queue().release([begun!]);
      await clock.advance(1000);
      await queue().beat('w', workerState);
      expect(await claimAll()).toEqual(['begun']);
    });
  });

  describe('a batch', () => {
    it('is the next one with others of its key, in their order, as far as images fit', async () => {
      await register();
      await wait({
        ...{ a1: by('a', images(2)), b1: key('other', by('b')), a2: by('a', images(3)) },
        ...{ c1: by('c', images(3)), a3: by('a'), c2: by('c') },
      });
      expect(await claim({ maxImages: 6 })).toEqual(['a1', 'c1']);
      expect(await claim({ maxImages: 6 })).toEqual(['b1']);
      expect(await claim({ maxImages: 6 })).toEqual(['a2', 'c2', 'a3']);
    });

    it('of one that is larger than all allowed is that one alone', async () => {
      await register();
      await wait({ large: images(9), small: by('b') });
      expect(await claim({ maxImages: 4 })).toEqual(['large']);
      expect(await claim({ maxImages: 4 })).toEqual(['small']);
    });

    it('takes none beside one that is to run alone', async () => {
      await register();
      await wait({ first: {} });
      const [first] = await queue().claim({ worker: 'w', models: ['m'], maxImages: 9 });
      await queue().release([first!], { code: 'x', message: 'x' });
      await wait({ second: {}, third: {} });
      expect(await claim({ maxImages: 9 })).toEqual(['first']);
      await queue().release([{ id: first!.id, attempt: 2 }]);
      expect(await claim({ maxImages: 9, batchKey: 'k' })).toEqual(['second', 'third']);
      expect(await claim({ maxImages: 9, batchKey: 'k' })).toEqual([]);
      const [alone] = await queue().claim({ worker: 'w', models: ['m'], maxImages: 9 });
      expect(alone).toMatchObject({ id: first!.id, attempt: 3, alone: true });
    });
  });

  describe('those that join a batch', () => {
    it('are of its key and fit', async () => {
      await register();
      await wait({ other: key('other'), large: images(4), small: by('b', images(2)), last: by('c') });
      expect(await claim({ batchKey: 'k', maxImages: 3 })).toEqual(['small', 'last']);
      expect(await claim({ batchKey: 'k', maxImages: 3 })).toEqual([]);
      expect(await claim({ batchKey: 'k', maxImages: 0 })).toEqual([]);
      expect(await claim({ batchKey: 'k', maxImages: 4 })).toEqual(['large']);
    });

    it('pass none that has waited for more than a second and would come first', async () => {
      await register();
      await wait({ other: key('other'), joins: by('b'), foreign: key('x', { request: requestOf(1, 'foreign') }) });
      await opened().clock.advance(1001);
      await queue().beat('w', workerState);
      expect(await claim({ batchKey: 'k' })).toEqual([]);
      await wait({ urgent: by('c', { priority: 1 }) });
      expect(await claim({ batchKey: 'k' })).toEqual(['urgent']);
      expect(await claim()).toEqual(['other']);
      expect(await claim({ batchKey: 'k' })).toEqual(['joins']);
    });
  });

  describe('a worker', () => {
    it('that is not registered, or has not beaten for a lease, gets nothing', async () => {
      const { clock } = opened();
      await wait({ only: {} });
      expect(await claim({ worker: 'unknown' })).toEqual([]);
      await register();
      await clock.advance(queue().leaseMs);
      expect(await claim()).toEqual([]);
      await queue().beat('w', workerState);
      expect(await claim()).toEqual(['only']);
    });

    it('gets a new attempt, and the time since the generation was accepted', async () => {
      const { store, clock } = opened();
      await register();
      const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
      const [id] = await enqueue(store, [{ trace }]);
      await clock.advance(1500);
      const [first] = await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 });
      expect(first).toMatchObject({ id, attempt: 1, batchKey: 'k', lastSeq: 1, alone: false, trace, age: 1500 });
      expect(first).toMatchObject({ request: requestOf(1), tokens: [], milliseconds: [] });
      const { createdAt, ...rest } = (await store.generations.find(id!, null))!;
      expect(rest).toMatchObject({ state: 'running', attempt: 1, startedAt: new Date(createdAt.getTime() + 1500) });
    });
  });

  it('many workers at once: each generation goes to one, and all are taken', async () => {
    const workers = Array.from({ length: 8 }, (_, i) => `w${i}`);
    for (const worker of workers) await register(worker);
    const ids = await enqueue(
      opened().store,
      Array.from({ length: 60 }, (_, i) => key(`k${i % 3}`, by(`c${i % 7}`))),
    );
    const taken = await Promise.all(
      workers.map(async (worker) => {
        const mine: string[] = [];
        for (let empty = 0; empty < 3;) {
          const claims = await queue().claim({ worker, models: ['m'], maxImages: 4 });
          empty = claims.length === 0 ? empty + 1 : 0;
          expect(new Set(claims.map(({ batchKey }) => batchKey)).size).toBeLessThan(2);
          mine.push(...claims.map(({ id }) => id));
        }
        return mine;
      }),
    );
    expect(taken.flat().sort()).toEqual([...ids].sort());
    const { rows } = await opened().store.database.query('SELECT FROM generation WHERE attempt <> 1');
    expect(rows).toEqual([]);
  });
});
