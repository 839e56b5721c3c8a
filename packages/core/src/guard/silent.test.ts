import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { awaitPart } from './part-call.ts';

/* The clock of the guard runs ahead; whether the thread was idle is measured. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

const part = { name: '@acme/mute', call: 'sample()' };
const never = () => new Promise<never>(() => undefined);

it('ends a part that never answers while nothing is computed, and names it', async () => {
  const answer = awaitPart(part, never).catch((error: Error) => error.message);
  await sleep(500);
  vi.advanceTimersByTime(30_000);
  expect(await answer).toMatch(
    /^\[@acme\/mute\] got no answer of sample\(\) for 30 s, in which nothing was computed; expected an answer or an error/,
  );
  expect(vi.getTimerCount()).toBe(0);
});

it('waits for one that computes', async () => {
  let resolve: (value: number) => void = () => undefined;
  const answer = awaitPart(part, () => new Promise<number>((done) => (resolve = done)));
  const until = Date.now() + 300;
  while (Date.now() < until);
  await sleep(1);
  vi.advanceTimersByTime(30_000);
  resolve(7);
  expect(await answer).toBe(7);
  expect(vi.getTimerCount()).toBe(0);
});
