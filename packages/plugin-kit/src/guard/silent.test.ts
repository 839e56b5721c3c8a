import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { awaitPart, Patience } from './part-call.ts';

/* The clock of the guard runs ahead. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function waiting() {
  const lines: string[] = [];
  const patience = new Patience((line) => lines.push(line));
  const ask = () => {
    let answer: (value: number) => void = () => undefined;
    const given = () => new Promise<number>((done) => (answer = done));
    const result = awaitPart({ name: '@acme/mute', call: 'sample()', patience }, given);
    return { result, answer };
  };
  return { lines, ask };
}

it('waits for a part that is idle, as one that asks a device or a network is, and says so', async () => {
  const { lines, ask } = waiting();
  const { result, answer } = ask();
  await vi.advanceTimersByTimeAsync(29_999);
  expect(lines).toEqual([]);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(lines).toEqual(
    [30, 60, 120, 240, 480].map((seconds) =>
      expect.stringMatching(`^\\[@acme/mute\\] sample\\(\\) has not answered for ${seconds} s: it computes, waits`),
    ),
  );
  answer(7);
  expect(await result).toBe(7);
  expect(vi.getTimerCount()).toBe(0);
});

it('says of many slow calls no more than of the slowest', async () => {
  const { lines, ask } = waiting();
  for (let call = 0; call < 5; call++) {
    const { result, answer } = ask();
    await vi.advanceTimersByTimeAsync(40_000);
    answer(call);
    expect(await result).toBe(call);
  }
  expect(lines).toHaveLength(1);
});

it('reports no part that answers or fails in time', async () => {
  const { lines, ask } = waiting();
  const { result, answer } = ask();
  answer(1);
  await result;
  const failing = { name: '@acme/mute', call: 'sample()', patience: new Patience((line) => lines.push(line)) };
  await expect(awaitPart(failing, () => Promise.reject(new Error('no device')))).rejects.toThrow('no device');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([lines, vi.getTimerCount()]).toEqual([[], 0]);
});
