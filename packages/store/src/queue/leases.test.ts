import { describe, expect, it } from 'vitest';
import type { Append, Claimed, WorkerState } from '../index.ts';
import { onEachStore } from '../testing/each-store.ts';
import { enqueue, requestOf, roomy, newGeneration, stepBody, workerState } from '../testing/requests.ts';

onEachStore((opened) => {
  const store = () => opened().store;
  const queue = () => opened().store.queue;
  const register = (id: string, state = workerState) => queue().register({ id, name: `name of ${id}`, state });
  const claim = (worker: string, maxImages = 1) => queue().claim({ worker, models: ['m'], maxImages });
  const next = ({ id, attempt, lastSeq }: Claimed): Append => ({ id, attempt, seq: lastSeq + 1, body: stepBody(0) });
  const find = async (id: string) => (await store().generations.find(id, null))!;
  const lastOf = async (id: string) => {
    const { lastSeq, state } = await find(id);
    const events = await store().generations.eventsAfter([{ id, after: lastSeq - 1, most: 1 }]);
    return { state, last: events.get(id)![0] };
  };
  /** Lets the worker die with everything that it has claimed. */
  const die = async () => {
    await opened().clock.advance(queue().leaseMs);
    await queue().reap();
  };

  describe('a worker', () => {
    it('is listed with what it said last, until long after its last beat', async () => {
      const { clock } = opened();
      await register('w');
      await clock.advance(1000);
      const models = [{ name: 'm', loaded: true, running: 1, millisecondsPerImage: 20 }];
      await queue().beat('w', { ...workerState, models });
      const [worker] = await queue().workers();
      expect(worker).toMatchObject({ id: 'w', name: 'name of w', state: { ...workerState, models } });
      expect(worker!.seenAt.getTime() - worker!.startedAt.getTime()).toBe(1000);
      await clock.advance(9 * queue().leaseMs);
      await queue().reap();
      expect(await queue().workers()).toHaveLength(1);
      await clock.advance(2 * queue().leaseMs);
      await queue().reap();
      expect(await queue().workers()).toEqual([]);
    });

    it('that was forgotten is known again by its next beat, with its name', async () => {
      await register('w');
      await store().database.query('DELETE FROM worker');
      expect(await queue().beat('w', workerState)).toEqual({ canceled: [], owned: [] });
      expect(await queue().workers()).toMatchObject([{ id: 'w', name: 'name of w' }]);
    });

    it('that leaves hands over what it ran, and tells others', async () => {
      const [a, b] = await enqueue(store(), [{}, {}]);
      await register('w');
      await claim('w', 2);
      await store().generations.cancel(b!);
      const heard: string[] = [];
      const stop = store().onHint(({ kind }) => heard.push(kind));
      await queue().unregister('w');
      stop();
      expect(heard.sort()).toEqual(['events', 'queue']);
      expect([await queue().workers(), (await find(a!)).state]).toEqual([[], 'queued']);
      expect(await lastOf(b!)).toMatchObject({ state: 'canceled', last: { kind: 'canceled' } });
      await register('v');
      expect(await claim('v', 2)).toMatchObject([{ id: a, attempt: 2, alone: false }]);
    });

    it('learns of claims whose answer it never had', async () => {
      const [id] = await enqueue(store(), [{}]);
      await register('w');
      void (await claim('w'));
      const { owned } = await queue().beat('w', workerState);
      expect(owned).toEqual([{ id, attempt: 1 }]);
      await queue().release(owned);
      expect(await claim('w')).toMatchObject([{ id, attempt: 2 }]);
    });
  });

  describe('reap', () => {
    it('requeues what a dead worker ran, with its steps, and only that', async () => {
      const { clock } = opened();
      await enqueue(store(), [{}, {}]);
      await register('dies');
      const [lost] = (await claim('dies')) as [Claimed];
      await queue().append([{ ...next(lost), tokens: Uint8Array.of(7) }]);
      await clock.advance(4000);
      await register('lives');
      const [kept] = (await claim('lives')) as [Claimed];
      await clock.advance(1999);
      expect(await queue().reap()).toBe(0);
      await clock.advance(1);
      expect(await queue().reap()).toBe(1);
      expect([(await find(lost.id)).state, (await find(kept.id)).state]).toEqual(['queued', 'running']);
      expect(await claim('lives')).toMatchObject([{ id: lost.id, attempt: 2, lastSeq: 2, tokens: [Uint8Array.of(7)] }]);
    });

    it('ends what was to be canceled', async () => {
      const [id] = await enqueue(store(), [{}]);
      await register('w');
      await claim('w');
      await store().generations.cancel(id!);
      await die();
      expect(await lastOf(id!)).toMatchObject({ state: 'canceled', last: { seq: 2, kind: 'canceled' } });
    });

    it('fails what waited past its deadline, and not what a worker has begun', async () => {
      const [{ at }] = (await store().database.query<{ at: Date }>('SELECT tessera_now() AS at')).rows as [
        { at: Date },
      ];
      const deadline = new Date(at.getTime() + 500);
      const [begun, waits] = await enqueue(store(), [{ deadline }, { deadline }]);
      await register('w');
      await claim('w');
      await opened().clock.advance(499);
      expect(await queue().reap()).toBe(0);
      await opened().clock.advance(1);
      expect(await queue().reap()).toBe(1);
      const failure = { code: 'deadline-passed', message: expect.stringContaining('no worker that began') };
      expect(await lastOf(waits!)).toMatchObject({ state: 'failed', last: { seq: 2, kind: 'failed', ...failure } });
      expect(await find(waits!)).toMatchObject({ failure });
      expect(await find(begun!)).toMatchObject({ state: 'running' });
    });

    it('lets run alone, then fails, what workers die of before it comes a step further', async () => {
      const [id, other] = await enqueue(store(), [{}, {}]);
      for (let death = 1; death <= 10; death++) {
        await register('w');
        const claims = await claim('w', 2);
        expect(claims[0]).toMatchObject({ id, attempt: death, alone: death > 3 });
        if (death > 3) expect(claims).toHaveLength(1);
        if (death === 3) await queue().release([claims[1]!]);
        expect((await find(id!)).state).toBe('running');
        await die();
      }
      expect(await lastOf(id!)).toMatchObject({ state: 'failed', last: { kind: 'failed', code: 'workers-died' } });
      expect(await find(other!)).toMatchObject({ state: 'queued' });
    });

    it('forgives deaths after each step', async () => {
      const [id] = await enqueue(store(), [{}]);
      for (let death = 1; death <= 12; death++) {
        await register('w');
        const [mine] = (await claim('w')) as [Claimed];
        expect(mine).toMatchObject({ id, alone: false });
        if (death % 2 === 0) await queue().append([next(mine)]);
        await die();
      }
      expect(await find(id!)).toMatchObject({ state: 'queued', attempt: 12, lastSeq: 7 });
    });

    it('by many at once while workers claim and append moves each generation once', async () => {
      const ids = await enqueue(store(), Array(30).fill({}));
      for (const worker of ['dead', 'lives']) await register(worker);
      await claim('dead', 20);
      await opened().clock.advance(queue().leaseMs);
      await queue().beat('lives', workerState);
      const mine: Claimed[] = [];
      const work = async () => {
        for (let i = 0; i < 12; i++) {
          const claims = await claim('lives', 3);
          const lost = await queue().append(claims.map(next));
          expect(lost).toEqual([]);
          mine.push(...claims);
        }
      };
      const reapers = Array.from({ length: 4 }, () => queue().reap());
      const [moved] = await Promise.all([Promise.all(reapers), work(), work()]);
      // Each reaper leaves rows to the others that they are moving.
      expect(moved.reduce((a, b) => a + b) + (await queue().reap())).toBe(20);
      mine.push(...(await claim('lives', 30)));
      expect(mine.map(({ id }) => id).sort()).toEqual([...ids].sort());
    });
  });

  describe('release', () => {
    it('with blame lets it run alone, and fails it at the third time', async () => {
      const [id] = await enqueue(store(), [{}, {}]);
      const blame = { code: 'process-died', message: 'The process ended.' };
      await register('w');
      for (let attempt = 1; attempt <= 3; attempt++) {
        const [mine] = (await claim('w')) as [Claimed];
        expect(mine).toMatchObject({ id, attempt, alone: attempt > 1 });
        await queue().release([mine], blame);
        // The same call again is of a claim that is gone.
        await queue().release([mine], blame);
      }
      expect(await lastOf(id!)).toMatchObject({ state: 'failed', last: { seq: 2, kind: 'failed', ...blame } });
      expect((await find(id!)).failure).toEqual(blame);
    });

    it('forgives blame after each step', async () => {
      const [id] = await enqueue(store(), [{}]);
      await register('w');
      for (let attempt = 1; attempt <= 6; attempt++) {
        const [mine] = (await claim('w')) as [Claimed];
        if (attempt % 2 === 0) await queue().append([next(mine)]);
        await queue().release([mine], { code: 'process-died', message: 'The process ended.' });
      }
      expect(await find(id!)).toMatchObject({ state: 'queued', attempt: 6, lastSeq: 4 });
    });

    it('without blame may be repeated for ever', async () => {
      const [id] = await enqueue(store(), [{}]);
      await register('w');
      for (let attempt = 1; attempt <= 12; attempt++) {
        const claims = await claim('w');
        expect(claims).toMatchObject([{ id, attempt, alone: false }]);
        await queue().release(claims);
      }
      await queue().release([]);
      await queue().release([{ id: id!, attempt: 1 }]);
      expect(await find(id!)).toMatchObject({ state: 'queued', lastSeq: 1 });
    });
  });

  it('places tell the time left by what workers know of their models', async () => {
    const models = (ms: number | null): WorkerState['models'] => [
      { name: 'm', loaded: true, running: 0, millisecondsPerImage: ms },
      { name: 'slow', loaded: false, running: 0, millisecondsPerImage: ms && 10 * ms },
    ];
    const facts = async <K extends 'milliseconds' | 'workers'>(name: K) =>
      (await store().generations.places()).map((place) => place[name]);
    const milliseconds = () => facts('milliseconds');
    await register('w', { ...workerState, models: models(null) });
    await enqueue(store(), [{ request: requestOf(4) }]);
    await claim('w', 9);
    const waiting = [requestOf(2), requestOf(3, 'slow'), requestOf(1, 'unknown'), requestOf(1)];
    for (const request of waiting) await store().generations.create(newGeneration({ request }), roomy);
    expect(await milliseconds()).toEqual([null, null, null, null]);
    await queue().beat('w', { ...workerState, models: models(100) });
    // Nothing waits for what no worker can begin.
    expect(await milliseconds()).toEqual([400, 600, null, 3600]);
    expect(await facts('workers')).toEqual([1, 1, 0, 1]);
    await register('v', { ...workerState, models: models(100) });
    expect(await milliseconds()).toEqual([200, 300, null, 1800]);
    await opened().clock.advance(300);
    expect(await milliseconds()).toEqual([50, 150, null, 1650]);
    expect(await facts('workers')).toEqual([2, 2, 0, 2]);
    await queue().beat('v', { ...workerState, models: models(100), draining: true });
    await queue().beat('w', { ...workerState, models: models(100), health: { status: 'dead', why: 'It ended.' } });
    expect(await facts('workers')).toEqual([0, 0, 0, 0]);
  });
});
