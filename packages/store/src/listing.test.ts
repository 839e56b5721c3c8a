import { describe, expect, it } from 'vitest';
import type { GenerationFilter, Page } from './index.ts';
import { onEachStore } from './testing/each-store.ts';
import { enqueue, requestOf } from './testing/requests.ts';

onEachStore((opened) => {
  const list = (filter: GenerationFilter, count: number, direction: 'older' | 'newer', cursor: string | null = null) =>
    opened().store.generations.list(filter, { count, direction, cursor });
  const all: GenerationFilter = { tenant: null };
  const ofClass = (model: string, label: number) => ({ model, label });
  const idsOf = ({ generations }: Page) => generations.map(({ id }) => id);

  describe('pages', () => {
    it('go through all in both directions, although all were accepted at the same time', async () => {
      const ids = (await enqueue(opened().store, Array(7).fill({}))).reverse();
      const times = await list(all, 10, 'older');
      expect(new Set(times.generations.map(({ createdAt }) => createdAt.getTime())).size).toBe(1);
      const first = await list(all, 3, 'older');
      const second = await list(all, 3, 'older', first.generations[2]!.cursor);
      const third = await list(all, 3, 'older', second.generations[2]!.cursor);
      expect([...idsOf(first), ...idsOf(second), ...idsOf(third)]).toEqual(ids);
      expect([first, second, third].map(({ hasNewer, hasOlder }) => [hasNewer, hasOlder])).toEqual([
        [false, true],
        [true, true],
        [true, false],
      ]);
      const back = await list(all, 3, 'newer', third.generations[0]!.cursor);
      expect(back).toEqual({ ...second, hasNewer: true, hasOlder: true });
      expect(await list(all, 3, 'newer', back.generations[0]!.cursor)).toEqual(first);
      const oldest = await list(all, 2, 'newer');
      expect([idsOf(oldest), oldest.hasNewer, oldest.hasOlder]).toEqual([ids.slice(-2), true, false]);
    });

    it('stay where they are while generations come and go', async () => {
      const ids = await enqueue(opened().store, Array(6).fill({}));
      const first = await list(all, 2, 'older');
      await enqueue(opened().store, Array(3).fill({}));
      for (const gone of [ids[3]!, ids[4]!]) await opened().store.generations.remove(gone);
      const second = await list(all, 2, 'older', first.generations[1]!.cursor);
      expect([idsOf(second), second.hasNewer, second.hasOlder]).toEqual([[ids[2], ids[1]], true, true]);
    });

    it('may be empty', async () => {
      const empty = { generations: [], hasNewer: false, hasOlder: false };
      expect([await list(all, 2, 'older'), await list(all, 2, 'newer', '5')]).toEqual([empty, empty]);
      await enqueue(opened().store, [{}]);
      expect(await list(all, 0, 'older')).toEqual({ ...empty, hasOlder: true });
    });

    it('begin only at cursors', async () => {
      for (const cursor of ['x', '', '-1', '1 OR 1=1', '99999999999999999999']) {
        await expect(list(all, 2, 'older', cursor)).rejects.toMatchObject({ code: 'cursor-invalid' });
      }
    });
  });

  it('filters are combined, and counted the same', async () => {
    const { store, clock } = opened();
    const wishes = ['m', 'n', 'm', 'n'].map((model, i) => ({
      request: requestOf(1, model),
      owner: { tenant: i < 3 ? 't' : 'u', client: '' },
    }));
    const ids = await enqueue(store, wishes.slice(0, 2));
    const [{ createdAt: early } = { createdAt: new Date(0) }] = (await list(all, 1, 'older')).generations;
    await clock.advance(1000);
    ids.push(...(await enqueue(store, wishes.slice(2))));
    await store.generations.cancel(ids[0]!);
    const expected: readonly (readonly [GenerationFilter, readonly number[]])[] = [
      [{ tenant: 't' }, [2, 1, 0]],
      [{ tenant: 't', models: ['n', 'x'] }, [1]],
      [{ tenant: null, models: [] }, []],
      [{ tenant: null, states: ['queued'] }, [3, 2, 1]],
      [{ tenant: 't', states: ['canceled', 'failed'] }, [0]],
      [{ tenant: null, createdAfter: early }, [3, 2]],
      [{ tenant: null, createdBefore: new Date(early.getTime() + 1000), models: ['m'] }, [0]],
      [{ tenant: 't', createdAfter: early, createdBefore: early }, []],
      [{ tenant: null, classes: [ofClass('m', 1)] }, [2, 0]],
      [{ tenant: 't', classes: [ofClass('m', 1), ofClass('n', 1)] }, [2, 1, 0]],
      [{ tenant: null, classes: [ofClass('m', -1), ofClass('n', 0)] }, []],
      [{ tenant: null, classes: [] }, []],
    ];
    for (const [filter, nths] of expected) {
      expect(idsOf(await list(filter, 10, 'older'))).toEqual(nths.map((nth) => ids[nth]));
      expect(await store.generations.count(filter)).toBe(nths.length);
    }
    const page = await list(
      { tenant: 't' },
      1,
      'older',
      (await list({ tenant: 't' }, 1, 'older')).generations[0]!.cursor,
    );
    expect([idsOf(page), page.hasNewer, page.hasOlder]).toEqual([[ids[1]], true, true]);
    const mine = await list({ tenant: 'u' }, 1, 'older');
    expect([mine.hasNewer, mine.hasOlder]).toEqual([false, false]);
  });
});
