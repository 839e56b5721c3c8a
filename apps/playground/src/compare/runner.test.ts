import { expect, it, vi } from 'vitest';
import type { GenerationInput } from '../api/operations.ts';
import { sending, type GenerationState } from '../runs/generation-state.ts';
import { Runner, type Runs } from './runner.ts';
import { bestOf, costOf, stepAt, type Cost } from './table.ts';

/** Runs that end when the test says so. */
function testRuns() {
  const states = new Map<string, GenerationState>();
  const listeners = new Map<string, () => void>();
  const canceled: string[] = [];
  const runs: Runs = {
    start: (input) => {
      const key = `k${states.size + 1}`;
      states.set(key, sending(input.model));
      return key;
    },
    show: (id) => id,
    state: (key) => states.get(key) ?? null,
    onChange: (key, changed) => {
      listeners.set(key, changed);
      return () => void listeners.delete(key);
    },
    cancel: (key) => void canceled.push(key),
  };
  const end = async (key: string, part: Partial<GenerationState>) => {
    states.set(key, { ...states.get(key)!, status: 'completed', ...part });
    listeners.get(key)!();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { runs, end, canceled, count: () => states.size };
}

const inputs: readonly GenerationInput[] = [{ model: 'a' }, { model: 'b' }];

it('asks a server that is away until it is back, and no more once it is stopped', async () => {
  vi.useFakeTimers();
  const { runs, end, count } = testRuns();
  const runner = new Runner(runs);
  const done = runner.start(inputs);
  const away = { status: 'failed', error: 'Away.', errorCode: 'unreachable' } as const;
  await end('k1', away);
  await vi.advanceTimersByTimeAsync(2000);
  expect([count(), runner.state().cells[0]!.key]).toEqual([2, 'k2']);
  await end('k2', {});
  expect(count()).toBe(3);
  await end('k3', away);
  runner.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  await done;
  expect(count()).toBe(3);
  vi.useRealTimers();
});

it('makes one after the other, and what was cold once more', async () => {
  const { runs, end, count } = testRuns();
  const runner = new Runner(runs);
  const done = runner.start(inputs);
  expect(count()).toBe(1);
  await end('k1', { isCold: true, milliseconds: 400 });
  expect(runner.state()).toEqual({
    cells: [
      { key: 'k1', coldMs: null },
      { key: null, coldMs: null },
    ],
    isRunning: true,
  });
  await end('k2', { milliseconds: 80 });
  await end('k3', { status: 'failed', error: 'No.' });
  await done;
  expect([count(), runner.state()]).toEqual([
    3,
    {
      cells: [
        { key: 'k2', coldMs: 400 },
        { key: 'k3', coldMs: null },
      ],
      isRunning: false,
    },
  ]);
});

it('makes nothing more once it is stopped', async () => {
  const { runs, end, count, canceled } = testRuns();
  const runner = new Runner(runs);
  const done = runner.start(inputs);
  runner.stop();
  await end('k1', { status: 'canceled' });
  await done;
  expect([count(), canceled, runner.state().isRunning]).toEqual([1, ['k1'], false]);
});

it('tells the cold time and the warm one apart', () => {
  const state = { ...sending('a'), status: 'completed' as const, milliseconds: 80 };
  const model = { tokens: 64, parameters: 5 } as never;
  expect(costOf({ key: 'k', coldMs: 400 }, state, model)).toMatchObject({ warmMs: 80, coldMs: 400, steps: 0 });
  expect(costOf({ key: 'k', coldMs: null }, { ...state, isCold: true }, model)).toMatchObject({
    warmMs: null,
    coldMs: 80,
  });
  expect(costOf({ key: null, coldMs: null }, null, model)).toMatchObject({ warmMs: null, coldMs: null, steps: null });
});

it('marks the least, and nothing where all are alike or one is not known', () => {
  const costs = (...values: readonly (number | null)[]) => values.map((warmMs) => ({ warmMs }) as Cost);
  expect([...bestOf(costs(3, 1, 1), 'warmMs')]).toEqual([1, 2]);
  expect([bestOf(costs(2, 2), 'warmMs').size, bestOf(costs(2, null), 'warmMs').size]).toEqual([0, 0]);
});

it('shows models of different numbers of steps at one share', () => {
  expect([0, 0.5, 0.99, 1].map((share) => [stepAt(5, share), stepAt(16, share)])).toEqual([
    [0, 0],
    [2, 8],
    [4, 15],
    ['finished', 'finished'],
  ]);
});
