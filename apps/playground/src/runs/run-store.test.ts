import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Generation, GenerationInput, Listener } from '../api/operations.ts';
import { RunStore, type RunServer } from './run-store.ts';

const generation: Generation = {
  id: 'g',
  modelName: 'shapes',
  seed: 0,
  guidance: null,
  options: {},
  size: null,
  layout: null,
  edit: null,
  images: [],
};
const input: GenerationInput = { model: 'shapes' };

/** A server whose generation never ends by itself. */
function serverThat(cancel: RunServer['cancel']) {
  const listeners: Listener[] = [];
  const server: RunServer = {
    create: () => Promise.resolve(generation),
    fetch: vi.fn(() => Promise.resolve(generation)),
    retry: vi.fn(() => Promise.resolve({ ...generation, id: 'h' })),
    cancel,
    follow: (_id, listener) => {
      listeners.push(listener);
      return () => undefined;
    },
  };
  return { server, listeners };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('sends a cancel again until the server has taken it, also one from before it had an id', async () => {
  let tries = 0;
  const { server, listeners } = serverThat(() => (++tries < 3 ? Promise.reject(new Error('away')) : Promise.resolve()));
  const store = new RunStore(server);
  const key = store.start(input);
  store.cancel(key);
  store.cancel(key);
  expect(tries).toBe(0);
  await vi.advanceTimersByTimeAsync(5000);
  expect(tries).toBe(3);
  listeners[0]!.onEvent({ __typename: 'CanceledEvent', seq: 1, at: '' });
  expect(store.state(key)!.status).toBe('canceled');
});

it('does not cancel what ended meanwhile', async () => {
  const { server, listeners } = serverThat(() => Promise.reject(new Error('away')));
  const store = new RunStore(server);
  const key = store.start(input);
  await vi.advanceTimersByTimeAsync(0);
  const cancel = vi.spyOn(server, 'cancel');
  store.cancel(key);
  listeners[0]!.onEvent({ __typename: 'FailedEvent', seq: 1, at: '', code: 'x', message: 'No.' });
  await vi.advanceTimersByTimeAsync(5000);
  expect(cancel).toHaveBeenCalledTimes(1);
});

it('follows a generation once for all rooms, tells changes once a frame, and fetches again what failed', async () => {
  const { server, listeners } = serverThat(() => Promise.resolve());
  const store = new RunStore(server);
  expect([store.show('g'), store.show('g')]).toEqual(['g', 'g']);
  const changed = vi.fn();
  store.onChange('g', changed);
  await vi.advanceTimersByTimeAsync(100);
  changed.mockClear();
  for (const seq of [1, 2, 3]) listeners[0]!.onEvent({ __typename: 'QueuedEvent', seq, at: '', position: seq });
  await vi.advanceTimersByTimeAsync(100);
  expect([listeners.length, changed.mock.calls.length, store.state('g')!.ahead]).toEqual([1, 1, 3]);
  const lost = new RunStore({ ...server, fetch: vi.fn(() => Promise.reject(new Error('away'))) });
  lost.show('g');
  await vi.advanceTimersByTimeAsync(100);
  expect(lost.state('g')).toMatchObject({ status: 'failed', error: 'away' });
  lost.show('g');
  expect(lost.state('g')!.status).toBe('sending');
});

it('makes a run once more, lists what was started, and shows it by the id of the server', async () => {
  const { server, listeners } = serverThat(() => Promise.resolve());
  const store = new RunStore(server);
  const started = vi.fn();
  store.onStart(started);
  const first = store.start(input);
  await vi.advanceTimersByTimeAsync(0);
  expect(store.show('g')).toBe(first);
  const second = store.again(first)!;
  await vi.advanceTimersByTimeAsync(0);
  expect([store.started(), started.mock.calls.length]).toEqual([[second, first], 2]);
  expect([store.state(second)!.id, store.again('gone')]).toEqual(['h', null]);
  expect(server.fetch).not.toHaveBeenCalled();
  // A run that could not be followed any more, as with a key that was revoked, goes on under its own key.
  listeners[0]!.onError(new Error('no key'));
  expect(store.state(first)).toMatchObject({ status: 'failed', error: 'no key' });
  expect(store.show('g')).toBe(first);
  await vi.advanceTimersByTimeAsync(0);
  listeners[2]!.onEvent({ __typename: 'StartedEvent', seq: 2, at: '' });
  expect([store.state(first)!.status, store.show('g'), listeners.length]).toEqual(['running', first, 3]);
  const refused = Object.assign(new Error('No.'), { code: 'field-invalid', field: ['input', 'options', 'topP'] });
  const strict = new RunStore({ ...server, create: () => Promise.reject(refused) });
  const key = strict.start(input);
  await vi.advanceTimersByTimeAsync(0);
  expect(strict.state(key)).toMatchObject({ error: 'No.', errorCode: 'field-invalid', errorField: refused.field });
  expect(strict.again(key)).toBe('run-2');
});
