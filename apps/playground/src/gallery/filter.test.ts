import { expect, it } from 'vitest';
import { admits, asked, everything, filterAddress, readFilter } from './filter.ts';

it('reads what it writes', () => {
  const filter = { model: 'a b', state: 'FAILED', day: '2026-11-23', favourites: true } as const;
  const address = filterAddress(filter);
  expect(readFilter(address.slice('/gallery?'.length))).toEqual({ filter, refused: [] });
  expect([filterAddress(everything), readFilter('').filter]).toEqual(['/gallery', everything]);
});

it.each([
  ['state=done', 'state “done”'],
  ['day=2026-02-30', 'day “2026-02-30”'],
  ['day=yesterday', 'day “yesterday”'],
  ['favourites=yes', 'favourites “yes”'],
  ['sort=old', '“sort”'],
])('tells that it does not understand %s', (search, words) => {
  const { filter, refused } = readFilter(search);
  expect(filter).toEqual(everything);
  expect(refused).toHaveLength(1);
  expect(refused[0]).toContain(words);
});

it('ends with the day where the person is', () => {
  const filter = { ...everything, day: '2026-11-23' };
  expect(asked(filter)).toEqual({ createdBefore: new Date(2026, 10, 24).toISOString() });
  const at = (date: Date) => ({ modelName: 'm', state: 'COMPLETED', createdAt: date.toISOString() }) as const;
  expect([new Date(2026, 10, 23, 23, 59), new Date(2026, 10, 24)].map((date) => admits(filter, at(date)))).toEqual([
    true,
    false,
  ]);
  expect(admits({ ...everything, model: 'x' }, at(new Date()))).toBe(false);
  expect(admits({ ...everything, state: 'FAILED' }, at(new Date()))).toBe(false);
});
