import { afterEach, describe, expect, it, vi } from 'vitest';
import { nextTurn } from './next-turn.ts';

afterEach(() => void vi.unstubAllGlobals());

describe.each([
  ['Node', () => undefined],
  ['a browser, which has no setImmediate', () => vi.stubGlobal('setImmediate', undefined)],
])('nextTurn in %s', (_, prepare) => {
  it('lets what is waiting run, however busy the program is', async () => {
    prepare();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1);
    const until = performance.now() + 2000;
    while (!controller.signal.aborted && performance.now() < until) await nextTurn();
    expect(controller.signal.aborted).toBe(true);
  });
});
