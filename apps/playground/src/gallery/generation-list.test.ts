import { expect, it, vi } from 'vitest';
import type { StoredGeneration } from '../api/operations.ts';
import { everything as unfiltered } from './filter.ts';
import { GenerationList, type ListServer } from './generation-list.ts';

const everything = { ...unfiltered, classes: null };
const one = (id: string, ended = true) =>
  ({
    id,
    modelName: 'm',
    state: 'COMPLETED',
    createdAt: '2026-11-29T12:00:00Z',
    images: [],
    finishedAt: ended ? 'x' : null,
  }) as unknown as StoredGeneration;
const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i));

/** A server with these, the newest first, that gives them in pages. */
function serverWith(all: () => readonly StoredGeneration[]): ListServer {
  return {
    page: ({ first, after } = {}) => {
      const from = after ? all().findIndex(({ id }) => id === after) + 1 : 0;
      const nodes = all().slice(from, from + first!);
      const pageInfo = {
        hasNextPage: from + first! < all().length,
        hasPreviousPage: from > 0,
        startCursor: nodes[0]?.id ?? null,
        endCursor: nodes.at(-1)?.id ?? null,
      };
      return Promise.resolve({ nodes, pageInfo });
    },
    one: (id) => {
      const found = all().find((it) => it.id === id);
      return found ? Promise.resolve(found) : Promise.reject(new Error('gone'));
    },
  };
}

it('goes through all pages, each once, however often it is asked', async () => {
  const all = ids(0, 60).map((id) => one(id));
  const list = new GenerationList(
    everything,
    [],
    serverWith(() => all),
  );
  await Promise.all([list.more(), list.more()]);
  expect(list.state().items).toHaveLength(25);
  for (let page = 0; page < 4; page++) await list.more();
  expect(list.state()).toMatchObject({ items: all, hasMore: false, isLoading: false });
});

it('keeps what is there when a page fails, and goes on from there', async () => {
  const all = ids(0, 30).map((id) => one(id));
  const server = serverWith(() => all);
  const list = new GenerationList(everything, [], server);
  await list.more();
  const page = vi.spyOn(server, 'page').mockRejectedValueOnce(new Error('Away.'));
  await list.more();
  expect(list.state()).toMatchObject({ error: 'Away.', hasMore: true, isLoading: false });
  await list.more();
  expect([page.mock.calls.length, list.state().items, list.state().error]).toEqual([2, all, null]);
});

it('shows what has ended, and holds what is new until it is asked for', async () => {
  let all = [one('b', false), one('a')];
  const list = new GenerationList(
    everything,
    [],
    serverWith(() => all),
  );
  await list.more();
  expect(list.isWaiting()).toBe(true);
  all = [one('c'), one('b'), one('a')];
  await list.look();
  expect([list.isWaiting(), list.state().newer.map(({ id }) => id)]).toEqual([false, ['c']]);
  list.showNewer();
  expect(list.state()).toMatchObject({ items: all, newer: [] });
});

it('begins again where more is new than one page holds', async () => {
  let all = ids(100, 110).map((id) => one(id));
  const list = new GenerationList(
    everything,
    [],
    serverWith(() => all),
  );
  await list.more();
  all = [...ids(0, 100).map((id) => one(id)), ...all];
  await list.look();
  list.showNewer();
  for (let page = 0; page < 6; page++) await list.more();
  expect(list.state().items).toEqual(all);
});

it('finds favourites by their ids, and tells those that are not there', async () => {
  const all = ids(0, 40).map((id) => one(id));
  const wanted = ['39', 'lost', ...ids(0, 30)];
  const list = new GenerationList(
    { ...everything, favourites: true },
    wanted,
    serverWith(() => all),
  );
  await list.more();
  await list.more();
  expect(list.state().items.map(({ id }) => id)).toEqual(['39', ...ids(0, 30)]);
  expect(list.state()).toMatchObject({ missing: ['lost'], hasMore: false });
});
