import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RemovalStore, UNDO_MS } from './removals.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('hides at once, and deletes only after the time in which it can be undone', async () => {
  const send = vi.fn(() => Promise.resolve());
  const store = new RemovalStore(send);
  store.remove(['a']);
  await vi.advanceTimersByTimeAsync(UNDO_MS - 1);
  store.remove(['b']);
  await vi.advanceTimersByTimeAsync(UNDO_MS - 1);
  expect([send.mock.calls.length, [...store.state().hidden]]).toEqual([0, ['a', 'b']]);
  await vi.advanceTimersByTimeAsync(1);
  expect(send.mock.calls).toEqual([['a'], ['b']]);
  store.undo();
  expect([...store.state().hidden]).toEqual(['a', 'b']);
});

it('undoes all that waits, and sends none of it', async () => {
  const send = vi.fn(() => Promise.resolve());
  const store = new RemovalStore(send);
  store.remove(['a', 'b']);
  store.undo();
  await vi.advanceTimersByTimeAsync(2 * UNDO_MS);
  expect([send.mock.calls.length, store.state().hidden.size]).toEqual([0, 0]);
});

it('sends at once when the page is left, and shows again what could not be deleted', async () => {
  const store = new RemovalStore((id) => (id === 'a' ? Promise.reject(new Error('Away.')) : Promise.resolve()));
  store.remove(['a', 'b']);
  store.send();
  await vi.advanceTimersByTimeAsync(0);
  expect(store.state()).toMatchObject({ waiting: [], error: 'Away.' });
  expect([...store.state().hidden]).toEqual(['b']);
});
