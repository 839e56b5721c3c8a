import { describe, expect, it } from 'vitest';
import { columnsIn, dayOf, neighbour, rowOf, rowsOf } from './rows.ts';

const now = new Date(2026, 10, 29, 12);
const item = (id: string, day: number) => ({ id, createdAt: new Date(2026, 10, day, 9).toISOString() });
const items = [item('a', 29), item('b', 29), item('c', 29), item('d', 28), item('e', 23)];
const rows = rowsOf(items, 2, now);

describe('rowsOf', () => {
  it('begins a row with each day', () => {
    const told = rows.map((row) => (row.kind === 'day' ? row.day : row.items.map(({ id }) => id).join('')));
    expect(told).toEqual(['Today', 'ab', 'c', 'Yesterday', 'd', 'Monday 23 November', 'e']);
    expect(rows.flatMap((row) => (row.kind === 'tiles' ? row.first : []))).toEqual([0, 2, 3, 4]);
    expect([rowOf(rows, 'c'), rowOf(rows, 'x')]).toEqual([2, -1]);
  });

  it('tells the year of another one, and today by the calendar, not by hours', () => {
    expect(dayOf(new Date(2025, 10, 29, 12), now)).toBe('Saturday 29 November 2025');
    expect(dayOf(new Date(2026, 10, 28, 23, 59), new Date(2026, 10, 29, 0, 1))).toBe('Yesterday');
  });

  it('fits as many columns as there is room for, at least one', () => {
    expect([311, 312, 100].map((width) => columnsIn(width, { least: 150, gap: 12 }))).toEqual([1, 2, 1]);
  });
});

describe('neighbour', () => {
  const to = (id: string, key: string) => neighbour(rows, id, key)?.id ?? null;
  it('goes on over days, and keeps the column where the next row has one', () => {
    expect(['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp', 'Home', 'End'].map((key) => to('c', key))).toEqual([
      'd',
      'b',
      'd',
      'a',
      'a',
      'e',
    ]);
    expect([to('b', 'ArrowDown'), to('a', 'ArrowUp'), to('e', 'ArrowRight'), to('x', 'Home'), to('a', 'q')]).toEqual([
      'c',
      null,
      null,
      null,
      null,
    ]);
  });
});
