import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Step } from '../api/operations.ts';
import { sending } from '../runs/generation-state.ts';
import { PictureCache } from './picture-cache.ts';
import { partAt } from './picture-part.ts';

const image = (side: number) => ({ naturalWidth: side, naturalHeight: side }) as HTMLImageElement;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks for a picture once, and forgets those that were not used for the longest time', async () => {
  const load = vi.fn(() => Promise.resolve(image(10)));
  const cache = new PictureCache(load, 250);
  await Promise.all([cache.get('a'), cache.get('a'), cache.get('b')]);
  expect(load).toHaveBeenCalledTimes(2);
  await cache.get('a');
  await cache.get('c');
  expect(['a', 'b', 'c'].map((url) => cache.ready(url) !== null)).toEqual([true, false, true]);
});

it('keeps one that is larger than all that may be kept', async () => {
  const cache = new PictureCache(() => Promise.resolve(image(100)), 250);
  await cache.get('large');
  expect(cache.ready('large')).not.toBeNull();
});

it('tries again for 16 seconds, then says so, and may be asked another time', async () => {
  let away = true;
  const load = vi.fn(() => (away ? Promise.reject(new Error('away')) : Promise.resolve(image(1))));
  const cache = new PictureCache(load);
  const lost = vi.fn();
  cache.get('a').catch(lost);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(lost).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2000);
  expect([lost.mock.calls.length, load.mock.calls.length]).toEqual([1, 7]);
  away = false;
  expect(await cache.get('a')).toEqual(image(1));
});

const step = (index: number, urls: readonly (string | null)[] | null, sprite: string | null): Step => ({
  index,
  of: 3,
  positions: [[]],
  previews: urls && urls.map((url) => (url === null ? null : { url })),
  given: null,
  sprite: sprite === null ? null : { url: sprite },
  details: null,
  milliseconds: 1,
});

it('finds an image in the newest step that has a picture of it', () => {
  const steps = [
    step(0, ['a', 'b', null], 's0'),
    step(1, null, null),
    step(0, [null, null, 'c'], 's2'),
    step(1, ['d', 'e', null], 's3'),
  ];
  const state = { ...sending('m'), steps, images: ['A', 'B'] };
  const cut = (url: string, index: number) => ({ url, columns: 2, rows: 2, index });
  expect(partAt(state, 0, 1)).toEqual(cut('s0', 0));
  expect(partAt(state, 2, 1)).toBeNull();
  expect(partAt(state, 2, 3)).toEqual(cut('s2', 2));
  expect(partAt(state, 1, 'finished')).toEqual({ url: 'B', columns: 1, rows: 1, index: 0 });
  expect(partAt(state, 2, 'finished')).toEqual(cut('s2', 2));
  const one = { ...state, steps: [step(0, ['a'], null)], images: [] };
  expect(partAt(one, 0, 'finished')).toEqual({ url: 'a', columns: 1, rows: 1, index: 0 });
});
