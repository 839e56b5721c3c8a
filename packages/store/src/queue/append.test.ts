import { describe, expect, it } from 'vitest';
import type { Append, Claimed, EventBody, Store } from '../index.ts';
import { onEachStore } from '../testing/each-store.ts';
import { enqueue, stepBody, workerState } from '../testing/requests.ts';

const completed: EventBody = {
  kind: 'completed',
  images: ['one', 'two'],
  timings: { steps: [1], images: [1], total: 2 },
};
const failed: EventBody = { kind: 'failed', code: 'x', message: 'y' };
const canceled: EventBody = { kind: 'canceled' };

onEachStore((opened) => {
  const store = (): Store => opened().store;
  const queue = () => opened().store.queue;
  /** Generations that worker `w` runs. */
  const claims = async (count = 1) => {
    await enqueue(store(), Array(count).fill({}));
    await queue().register({ id: 'w', name: 'w', state: workerState });
    return queue().claim({ worker: 'w', models: ['m'], maxImages: count });
  };
  const event = ({ id, attempt }: Pick<Claimed, 'id' | 'attempt'>, seq: number, body: EventBody): Append => ({
    ...{ id, attempt, seq, body },
    ...(body.kind === 'step' && { tokens: Uint8Array.of(seq, 0, 255) }),
  });
  const kindsOf = async (id: string) => {
    const events = await store().generations.eventsAfter([{ id, after: 0, most: 100 }]);
    return events.get(id)!.map(({ seq, kind }) => `${seq} ${kind}`);
  };
  const find = async (id: string) => (await store().generations.find(id, null))!;
  const tokenRows = async () => (await store().database.query('SELECT FROM step_tokens')).rows.length;

  describe('what a worker appends', () => {
    it('is in the log in order, by one statement for many generations', async () => {
      const [a, b] = (await claims(2)) as [Claimed, Claimed];
      const heard: string[] = [];
      const stop = store().onHint(({ kind, id }) => heard.push(`${kind} ${id}`));
      const events = [event(a, 2, { kind: 'started' }), event(b, 2, { kind: 'loading', model: 'm' })];
      expect(await queue().append([...events, event(b, 3, stepBody(0)), event(a, 3, stepBody(0))])).toEqual([]);
      stop();
      expect(heard.sort()).toEqual([`events ${a.id}`, `events ${b.id}`].sort());
      expect(await kindsOf(a.id)).toEqual(['1 queued', '2 started', '3 step']);
      expect(await kindsOf(b.id)).toEqual(['1 queued', '2 loading', '3 step']);
      expect([(await find(a.id)).lastSeq, (await find(a.id)).state]).toEqual([3, 'running']);
      const read = await store().generations.eventsAfter([{ id: a.id, after: 2, most: 1 }]);
      expect(read.get(a.id)).toEqual([{ ...stepBody(0), seq: 3, at: expect.any(Date) }]);
    });

    it.each([
      [completed, { state: 'completed', images: ['one', 'two'], failure: null }],
      [failed, { state: 'failed', images: [], failure: { code: 'x', message: 'y' } }],
      [canceled, { state: 'canceled', images: [], failure: null }],
    ])('ends it with $kind', async (body, row) => {
      const [claim] = (await claims()) as [Claimed];
      await opened().clock.advance(1000);
      await queue().append([event(claim, 2, stepBody(0)), event(claim, 3, body)]);
      expect(await find(claim.id)).toMatchObject({ ...row, lastSeq: 3, finishedAt: expect.any(Date) });
      expect(await tokenRows()).toBe(0);
      expect(await queue().append([event(claim, 4, stepBody(1))])).toEqual([{ id: claim.id, attempt: 1 }]);
      expect(await kindsOf(claim.id)).toEqual(['1 queued', '2 step', `3 ${body.kind}`]);
    });

    it('is nothing, if nothing is given', async () => {
      expect(await queue().append([])).toEqual([]);
    });
  });

  describe('tokens', () => {
    it('come back with the next claim, in order, and go with the end', async () => {
      const [claim] = (await claims()) as [Claimed];
      await queue().append([event(claim, 2, { kind: 'started' }), event(claim, 3, stepBody(0))]);
      await queue().append([event(claim, 4, stepBody(1))]);
      await queue().release([claim]);
      const [again] = (await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 })) as [Claimed];
      const tokens = [Uint8Array.of(3, 0, 255), Uint8Array.of(4, 0, 255)];
      expect(again).toMatchObject({ attempt: 2, lastSeq: 4, tokens, milliseconds: [2, 2] });
      await queue().append([
        event(again, 5, { kind: 'restarted', attempt: 2, fromStep: 2 }),
        event(again, 6, stepBody(2)),
      ]);
      expect(await tokenRows()).toBe(3);
      await queue().append([event(again, 7, completed)]);
      expect(await tokenRows()).toBe(0);
    });
  });

  describe('a claim that is lost', () => {
    it('appends nothing: released, claimed by another, canceled or reaped', async () => {
      const [claim] = (await claims()) as [Claimed];
      const lost = [{ id: claim.id, attempt: 1 }];
      await queue().release([claim]);
      expect(await queue().append([event(claim, 2, stepBody(0))])).toEqual(lost);
      await queue().register({ id: 'v', name: 'v', state: workerState });
      const [other] = (await queue().claim({ worker: 'v', models: ['m'], maxImages: 1 })) as [Claimed];
      expect(await queue().append([event(claim, 2, completed)])).toEqual(lost);
      await opened().clock.advance(queue().leaseMs);
      expect(await queue().reap()).toBe(1);
      expect(await queue().append([event(other, 2, stepBody(0))])).toEqual([{ id: claim.id, attempt: 2 }]);
      await store().generations.cancel(claim.id);
      expect(await queue().append([event(other, 3, stepBody(0))])).toEqual([{ id: claim.id, attempt: 2 }]);
      expect(await kindsOf(claim.id)).toEqual(['1 queued', '2 canceled']);
    });

    it('holds up no other in the same call', async () => {
      const [a, b] = (await claims(2)) as [Claimed, Claimed];
      await queue().release([a]);
      const lost = await queue().append([event(a, 2, stepBody(0)), event(b, 2, stepBody(0))]);
      expect(lost).toEqual([{ id: a.id, attempt: 1 }]);
      expect([await kindsOf(a.id), await kindsOf(b.id)]).toEqual([['1 queued'], ['1 queued', '2 step']]);
    });

    it('may be of the same worker in the same call as its next one', async () => {
      const [old] = (await claims()) as [Claimed];
      await queue().release([old]);
      const [fresh] = (await queue().claim({ worker: 'w', models: ['m'], maxImages: 1 })) as [Claimed];
      const lost = await queue().append([event(old, 2, stepBody(3)), event(fresh, 2, stepBody(0))]);
      expect(lost).toEqual([{ id: old.id, attempt: 1 }]);
      const events = await store().generations.eventsAfter([{ id: old.id, after: 1, most: 9 }]);
      expect(events.get(old.id)).toMatchObject([{ kind: 'step', index: 0 }]);
    });
  });

  describe('the same call again', () => {
    it('changes nothing, also in part and after the end', async () => {
      const [claim] = (await claims()) as [Claimed];
      const events = [event(claim, 2, { kind: 'started' }), event(claim, 3, stepBody(0)), event(claim, 4, stepBody(1))];
      for (const call of [events.slice(0, 2), events.slice(0, 2), events, events]) {
        expect(await queue().append(call)).toEqual([]);
      }
      const end = [event(claim, 5, completed)];
      for (const call of [[...events, ...end], end, events]) expect(await queue().append(call)).toEqual([]);
      expect(await kindsOf(claim.id)).toEqual(['1 queued', '2 started', '3 step', '4 step', '5 completed']);
      expect(await find(claim.id)).toMatchObject({ lastSeq: 5, state: 'completed' });
    });

    it('at the same time as the first is not a lost claim', async () => {
      const [claim] = (await claims()) as [Claimed];
      const events = [event(claim, 2, { kind: 'started' }), event(claim, 3, stepBody(0)), event(claim, 4, completed)];
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) => queue().append(events.slice(0, 1 + (i % 3)))),
      );
      // A call that overtakes an earlier one of fewer events writes those, too: none is refused.
      expect(answers.flat()).toEqual([]);
      expect(await kindsOf(claim.id)).toEqual(['1 queued', '2 started', '3 step', '4 completed']);
    });
  });

  it('with a gap before it is refused: the log has none', async () => {
    const [claim] = (await claims()) as [Claimed];
    expect(await queue().append([event(claim, 3, stepBody(1))])).toEqual([{ id: claim.id, attempt: 1 }]);
    expect(await kindsOf(claim.id)).toEqual(['1 queued']);
    expect(await queue().append([event(claim, 2, stepBody(0)), event(claim, 3, stepBody(1))])).toEqual([]);
  });

  it('refuses numbers that are no run: that is a mistake of the caller', async () => {
    const [claim] = (await claims()) as [Claimed];
    for (const seqs of [
      [2, 4],
      [3, 2],
      [2, 2],
    ]) {
      const call = queue().append(seqs.map((seq) => event(claim, seq, stepBody(0))));
      await expect(call).rejects.toMatchObject({ code: 'append-out-of-order' });
    }
    const after = queue().append([event(claim, 2, canceled), event(claim, 3, stepBody(0))]);
    await expect(after).rejects.toMatchObject({ code: 'append-out-of-order' });
    expect(await kindsOf(claim.id)).toEqual(['1 queued']);
  });

  it('pictures that an event names without more about them are known as well', async () => {
    const [claim] = (await claims()) as [Claimed];
    const step = { ...stepBody(0), previews: ['a', null, 'a'], sprite: 'b' } as EventBody;
    const pictures = [{ sha256: 'b', width: 2, height: 1, bytes: 5 }];
    await queue().append([{ ...event(claim, 2, step), pictures }, event(claim, 3, completed)]);
    const found = await store().pictures.find(['a', 'b', 'one', 'two'], '');
    const unknown = { width: null, height: null, bytes: null };
    expect([...found.values()]).toEqual([
      { sha256: 'a', ...unknown },
      { sha256: 'b', width: 2, height: 1, bytes: 5 },
      { sha256: 'one', ...unknown },
      { sha256: 'two', ...unknown },
    ]);
  });

  it('pictures are known to their tenant while anything refers to them', async () => {
    const pictures = [{ sha256: 'p', width: 4, height: 3, bytes: 2 ** 40 }];
    const [a, b] = (await claims(2)) as [Claimed, Claimed];
    await queue().append([a, b].map((claim) => ({ ...event(claim, 2, stepBody(0)), pictures })));
    await store().pictures.add('t', { sha256: 'upload', width: 1, height: 1, bytes: 1 });
    await store().pictures.add('t', { sha256: 'upload', width: 1, height: 1, bytes: 1 });
    const find = async (tenant: string | null) => [
      ...(await store().pictures.find(['upload', 'p', 'x'], tenant)).keys(),
    ];
    expect([await find(''), await find('t'), (await find(null)).sort()]).toEqual([['p'], ['upload'], ['p', 'upload']]);
    expect((await store().pictures.find(['p'], '')).get('p')).toEqual(pictures[0]);
    expect(await store().generations.remove(a.id)).toBe(true);
    expect(await store().pictures.inUse(['p', 'x'])).toEqual(new Set(['p']));
    await store().generations.remove(b.id);
    expect(await store().pictures.inUse(['p', 'upload'])).toEqual(new Set(['upload']));
  });
});
