import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { onEachStore } from './testing/each-store.ts';
import { enqueue, newGeneration, requestOf, roomy, stepBody, workerState } from './testing/requests.ts';

const absent = '00000000-0000-4000-8000-000000000000';
const of = (client: string, tenant = '') => ({ owner: { tenant, client } });

onEachStore((opened) => {
  const records = () => opened().store.generations;
  const queue = () => opened().store.queue;
  const claimOne = async () => {
    await queue().register({ id: 'w', name: 'w', state: workerState });
    const [claim] = await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 });
    return { id: claim!.id, attempt: claim!.attempt };
  };
  const kindsOf = async (id: string) => {
    const events = await records().eventsAfter([{ id, after: 0, most: 100 }]);
    return events.get(id)!.map(({ seq, kind }) => `${seq} ${kind}`);
  };

  describe('a new generation', () => {
    it('is stored whole, with its event', async () => {
      const deadline = new Date('2100-01-01T00:00:00Z');
      const given = newGeneration({ ...of('c', 't'), priority: 3, deadline, retryOf: absent });
      const { generation, existed } = await records().create(given, roomy);
      expect(existed).toBe(false);
      expect(generation).toMatchObject({
        ...{ id: given.id, owner: { tenant: 't', client: 'c' }, request: given.request, state: 'queued', lastSeq: 1 },
        ...{ attempt: 0, priority: 3, deadline, retryOf: absent, images: [], failure: null, startedAt: null },
      });
      expect(await records().find(given.id, 't')).toEqual(generation);
      const events = await records().eventsAfter([{ id: given.id, after: 0, most: 10 }]);
      expect(events.get(given.id)).toEqual([{ seq: 1, kind: 'queued', position: 0, at: generation.createdAt }]);
    });

    it('is found by its own tenant only', async () => {
      const [id] = await enqueue(opened().store, [of('c', 't')]);
      expect(await records().find(id!, 'other')).toBeNull();
      expect(await records().find(id!, null)).not.toBeNull();
      for (const wrong of [absent, 'x', `${id} `]) expect(await records().find(wrong, null)).toBeNull();
    });

    it('created twice by a caller that had no answer is one', async () => {
      const given = newGeneration();
      await records().create(given, roomy);
      expect((await records().create(given, roomy)).existed).toBe(false);
      expect(await kindsOf(given.id)).toEqual(['1 queued']);
    });

    it('of no UUID is the mistake of the caller, and harms no other', async () => {
      await expect(records().create(newGeneration({ id: 'x' }), roomy)).rejects.toMatchObject({ code: '22P02' });
      await enqueue(opened().store, [{}]);
    });

    it('keeps text that JSON of PostgreSQL does not know', async () => {
      const request = { ...requestOf(1), options: { a: 'x\0y', b: '\ud800', c: 'é 😀' } };
      const { generation } = await records().create(newGeneration({ request }), roomy);
      expect(generation.request.options).toEqual({ a: 'x\ufffdy', b: '\ufffd', c: 'é 😀' });
    });

    it('is told its position: what is begun before it', async () => {
      const store = opened().store;
      const wishes = [of('a'), of('a'), of('a'), of('b'), { ...of('a'), priority: 1 }, { ...of('c'), priority: -1 }];
      const ids = await enqueue(store, wishes);
      const positions = await records().eventsAfter(ids.map((id) => ({ id, after: 0, most: 1 })));
      expect(ids.map((id) => positions.get(id)![0])).toMatchObject(
        [0, 1, 2, 1, 0, 5].map((position) => ({ position })),
      );
      expect(await records().places()).toEqual(
        [4, 0, 3, 1, 2, 5].map((nth, position) => ({ id: ids[nth], position, workers: 0, milliseconds: null })),
      );
    });
  });

  describe('an idempotency key', () => {
    const keyed = { idempotencyKey: 'key' };

    it('gives the same generation to the same request, whatever became of it', async () => {
      const first = await records().create(newGeneration(keyed), roomy);
      await records().cancel(first.generation.id);
      const again = await records().create(newGeneration(keyed), { maxQueue: 0, maxQueueOfClient: 0 });
      expect(again).toMatchObject({ existed: true, generation: { id: first.generation.id, state: 'canceled' } });
    });

    it('is refused with another request, and free for another tenant', async () => {
      await records().create(newGeneration(keyed), roomy);
      const other = newGeneration({ ...keyed, request: requestOf(2) });
      await expect(records().create(other, roomy)).rejects.toMatchObject({ code: 'idempotency-conflict' });
      expect((await records().create({ ...other, ...of('a', 't') }, roomy)).existed).toBe(false);
      expect(await records().count({ tenant: null })).toBe(2);
    });

    it('used by many at once makes one', async () => {
      const all = await Promise.all(Array.from({ length: 20 }, () => records().create(newGeneration(keyed), roomy)));
      expect(all.filter(({ existed }) => !existed)).toHaveLength(1);
      expect(new Set(all.map(({ generation }) => generation.id)).size).toBe(1);
    });
  });

  describe('a full queue', () => {
    it.each([
      ['fewer than connections', 40, 7],
      ['more', 230, 215],
    ])(
      'holds limits exactly however many are created at once, where they are %s',
      async (_, maxQueue, maxQueueOfClient) => {
        await opened().store.database.query(
          `INSERT INTO generation (id, model, client, request, state, last_seq, batch_key, image_count)
         SELECT gen_random_uuid(), 'm', 'a', '{}', 'queued', 1, 'k', 1 FROM generate_series(1, $1)`,
          [maxQueueOfClient - 5],
        );
        const taken = async (client: (i: number) => string) => {
          const all = Array.from({ length: 15 }, (_one, i) => newGeneration(of(client(i))));
          const made = await Promise.allSettled(
            all.map((one) => records().create(one, { maxQueue, maxQueueOfClient })),
          );
          for (const one of made)
            if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'queue-full' });
          return made.filter(({ status }) => status === 'fulfilled').length;
        };
        expect(await taken(() => 'a')).toBe(5);
        const more = (await Promise.all([0, 1, 2].map((batch) => taken((i) => `${batch} ${i}`)))).reduce(
          (a, b) => a + b,
        );
        expect(more).toBe(Math.min(45, maxQueue - maxQueueOfClient));
        expect(await records().count({ tenant: null })).toBe(maxQueueOfClient + more);
      },
    );

    it('refuses with the time after which there may be room', async () => {
      await enqueue(opened().store, [of('a'), of('b')]);
      const full = records().create(newGeneration(of('c')), { maxQueue: 2, maxQueueOfClient: 5 });
      await expect(full).rejects.toMatchObject({
        code: 'queue-full',
        message: expect.stringMatching(/ while 2 wait; expected at most 2 waiting\. Send it again in 60 s/),
        parts: { retryAfter: 60 },
      });
      for (let i = 0; i < 2; i++) await claimOne();
      await enqueue(opened().store, [of('a'), of('b')]);
      const busy = records().create(newGeneration(of('c')), { maxQueue: 2, maxQueueOfClient: 5 });
      await expect(busy).rejects.toMatchObject({ parts: { retryAfter: 30 } });
    });

    it('of one client refuses only that client', async () => {
      await enqueue(opened().store, [of('a'), of('a')]);
      const limits = { maxQueue: 5, maxQueueOfClient: 2 };
      const sentence = expect.stringContaining('of a client of whom 2 wait');
      await expect(records().create(newGeneration(), limits)).rejects.toMatchObject({ message: sentence });
      expect((await records().create(newGeneration(of('a', 'other tenant')), limits)).existed).toBe(false);
      await claimOne();
      expect((await records().create(newGeneration(), limits)).existed).toBe(false);
    });
  });

  describe('cancel', () => {
    it('ends a queued one at once, and once', async () => {
      const [id] = await enqueue(opened().store, [{}]);
      const heard: string[] = [];
      const stop = opened().store.onHint((hint) => heard.push(`${hint.kind} ${hint.id}`));
      expect(await records().cancel(id!)).toMatchObject({ state: 'canceled', lastSeq: 2 });
      expect(await records().cancel(id!)).toMatchObject({ state: 'canceled', lastSeq: 2 });
      stop();
      expect(await kindsOf(id!)).toEqual(['1 queued', '2 canceled']);
      expect(heard).toEqual([`events ${id}`]);
    });

    it('of a running one is told to its worker, which ends it', async () => {
      const [id] = await enqueue(opened().store, [{}]);
      const claim = await claimOne();
      expect(await queue().beat('w', workerState)).toEqual({ canceled: [], owned: [claim] });
      expect(await records().cancel(id!)).toMatchObject({ state: 'running' });
      expect(await queue().beat('w', workerState)).toEqual({ canceled: [id], owned: [claim] });
      await queue().append([{ ...claim, seq: 2, body: { kind: 'canceled' } }]);
      expect(await records().cancel(id!)).toMatchObject({ state: 'canceled', lastSeq: 2 });
      expect(await queue().beat('w', workerState)).toEqual({ canceled: [], owned: [] });
    });

    it('of what is not there is nothing', async () => {
      expect([await records().cancel(absent), await records().cancel('x')]).toEqual([null, null]);
    });

    it('comes by itself when its time has passed, queued or running', async () => {
      const { store, clock } = opened();
      const [running, queued] = await enqueue(store, [{ cancelAfterMs: 5000 }, { cancelAfterMs: 5000 }]);
      await queue().register({ id: 'w', name: 'w', state: workerState });
      const [claim] = await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 });
      expect(claim).toMatchObject({ id: running, cancelInMs: 5000 });
      await clock.advance(4000);
      expect([(await queue().beat('w', workerState)).canceled, await queue().reap()]).toEqual([[], 0]);
      await clock.advance(1000);
      expect(await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 })).toEqual([]);
      expect([(await queue().beat('w', workerState)).canceled, await queue().reap()]).toEqual([[running], 1]);
      expect(await kindsOf(queued!)).toEqual(['1 queued', '2 canceled']);
      await queue().release([claim!]);
      expect(await kindsOf(running!)).toEqual(['1 queued', '2 canceled']);
    });
  });

  it('remove deletes everything of it, and its worker loses it', async () => {
    const { store } = opened();
    const [id] = await enqueue(store, [{}]);
    const claim = await claimOne();
    const pictures = [{ sha256: 's', width: 1, height: 1, bytes: 1 }];
    await queue().append([{ ...claim, seq: 2, body: stepBody(0), tokens: Uint8Array.of(1), pictures }]);
    const heard: unknown[] = [];
    const stop = store.onHint(({ kind, ending }) => heard.push(ending ?? kind));
    expect(await records().remove(id!)).toBe(true);
    expect(await records().remove(id!)).toBe(false);
    expect(await records().remove('x')).toBe(false);
    stop();
    expect(heard).toEqual(['cancel', { model: 'm', state: 'canceled', code: '' }]);
    expect(await queue().append([{ ...claim, seq: 3, body: stepBody(1) }])).toEqual([claim]);
    expect(await queue().beat('w', workerState)).toEqual({ canceled: [], owned: [] });
    for (const table of ['generation', 'event', 'step_tokens', 'picture']) {
      expect((await store.database.query(`SELECT FROM ${table}`)).rows).toEqual([]);
    }
  });

  it('events are read in parts, of many generations at once', async () => {
    const ids = await enqueue(opened().store, [{}, {}]);
    const claim = await claimOne();
    await queue().append([2, 3, 4, 5].map((seq) => ({ ...claim, seq, body: stepBody(seq - 2) })));
    const events = await records().eventsAfter([
      { id: ids[0]!, after: 1, most: 2 },
      { id: ids[1]!, after: 1, most: 2 },
      { id: randomUUID(), after: 0, most: 2 },
      { id: 'x', after: 0, most: 2 },
    ]);
    expect([...events.keys()].sort()).toEqual([...ids].sort());
    expect(events.get(ids[0]!)).toMatchObject([
      { seq: 2, kind: 'step', index: 0 },
      { seq: 3, kind: 'step', index: 1 },
    ]);
    expect(events.get(ids[1]!)).toEqual([]);
    expect(await records().eventsAfter([])).toEqual(new Map());
  });
});
