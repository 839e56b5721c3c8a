import { expect, it } from 'vitest';
import type { Model } from '../api/operations.ts';
import { admits, asked, everything, filterAddress, readFilter, wantedOf, type Filter } from './filter.ts';

const model = (name: string, ...names: string[]) =>
  ({ name, classes: names.map((one, label) => ({ label, name: one })) }) as unknown as Model;
const models = [model('fish', 'tench, Tinca tinca', 'Goldfisch', 'große Forelle'), model('other', 'goldfish')];
const wanted = (part: Partial<Filter>) => wantedOf({ ...everything, ...part }, models).wanted;

it('reads what it writes', () => {
  const filter = { model: 'a b', state: 'FAILED', words: 'tench', day: '2026-11-23', favourites: true } as const;
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
  const filter = wanted({ day: '2026-11-23' });
  expect(asked(filter)).toEqual({ createdBefore: new Date(2026, 10, 24).toISOString() });
  const at = (date: Date) =>
    ({ modelName: 'm', state: 'COMPLETED', createdAt: date.toISOString(), images: [] }) as const;
  expect([new Date(2026, 10, 23, 23, 59), new Date(2026, 10, 24)].map((date) => admits(filter, at(date)))).toEqual([
    true,
    false,
  ]);
  expect(admits(wanted({ model: 'x' }), at(new Date()))).toBe(false);
  expect(admits(wanted({ state: 'FAILED' }), at(new Date()))).toBe(false);
});

it('looks words up in the names of classes: any part, in any order, whatever the capitals and accents', () => {
  const found = (words: string, part: Partial<Filter> = {}) =>
    wanted({ words, ...part }).classes!.map(({ model: name, label }) => `${name} ${label}`);
  expect(found('GOLD')).toEqual(['fish 1', 'other 0']);
  expect(found('gold', { model: 'other' })).toEqual(['other 0']);
  expect(found('tinca ten')).toEqual(['fish 0']);
  expect(found('Große')).toEqual(['fish 2']);
  expect(found('no class')).toEqual(['fish -1', 'other -1']);
  expect(found('whale')).toEqual([]);
  expect(asked(wanted({ words: 'whale' }))).toEqual({ classes: [] });
  expect(wanted({}).classes).toBeNull();
});

it('says where words stand in more names than can be searched for', () => {
  const many = [model('many', ...Array.from({ length: 101 }, (_, i) => `dog ${i}`))];
  const {
    wanted: { classes },
    note,
  } = wantedOf({ ...everything, words: 'dog' }, many);
  expect([classes, note]).toEqual([null, expect.stringContaining('“dog” stands in the names of 101 classes')]);
});

it('admits a favourite only where one of its images shows a class that the words mean', () => {
  const shows = (label: number, modelName = 'fish') => ({
    modelName,
    state: 'COMPLETED' as const,
    createdAt: '2026-11-29T12:00:00Z',
    images: [{ condition: { __typename: 'ClassCondition' as const, label } }] as never,
  });
  const filter = wanted({ words: 'gold' });
  expect([shows(1), shows(0), shows(0, 'other')].map((one) => admits(filter, one))).toEqual([true, false, true]);
});
