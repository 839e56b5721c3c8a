import { describe, expect, it } from 'vitest';
import { alternate } from './alternate.ts';
import { bench } from './bench.ts';
import { parseArguments, targetJobs } from './bench-arguments.ts';
import { randomValues } from './random-values.ts';
import type { Figures, Side } from './side.ts';

/** A side whose nth run takes n seconds times `pace`. */
function pacedSide(name: string, pace: number, calls: string[]): Side {
  let run = 0;
  return {
    runtime: name,
    run: async (): Promise<Figures> => {
      calls.push(name);
      return { total: pace * ++run, peakMemory: 10 - run };
    },
    end: async () => undefined,
  };
}

describe('alternate', () => {
  it('takes turns, leaves the first round out, and reports medians and the largest peak', async () => {
    const calls: string[] = [];
    const sides = [pacedSide('a', 1, calls), pacedSide('b', 2, calls)];
    const [a, b] = await alternate(sides, { rounds: 3, warmUp: true }, () => undefined);
    expect(calls.join('')).toBe('abababab');
    expect(a!.figures).toEqual({ total: 3, peakMemory: 8 });
    expect(b!.figures['total']).toBe(6);
    expect(a!.runs).toHaveLength(3);
  });
});

describe('arguments', () => {
  it('have defaults', () => {
    const expected = { benchmark: 'var-d16', python: 'python3', json: false, images: 5, samples: 500, threads: 2 };
    expect(parseArguments(['var-d16'])).toEqual({ ...expected, jobs: targetJobs, write: false });
    expect(parseArguments(['server', '--python', 'none', '--json'])).toMatchObject({ python: null, json: true });
  });

  it('explain themselves, and refuse the rest', async () => {
    const lines: string[] = [];
    expect(await bench(['--help'], (line) => lines.push(line))).toBe(0);
    expect(lines[0]).toContain('npm run bench -- var-d16');
    for (const args of [
      [],
      ['var-d99'],
      ['var-d16', '--images', '0'],
      ['var-d16', '--threads', 'two'],
      ['targets', '--jobs', 'var-trian'],
      ['targets', '--jobs', 'var-train', '--write'],
    ]) {
      expect(await bench(args, () => undefined)).toBe(1);
    }
  });
});

describe('random values', () => {
  it('have the spread that was asked for, row by row', () => {
    const parts = [
      { rows: 1, init: { kind: 'constant', value: 3 } },
      { rows: 3, init: { kind: 'normal', std: 0.5 } },
    ] as const;
    const values = randomValues({ kind: 'rows', parts }, 40_000, 17);
    expect(values.slice(0, 10_000).every((value) => value === 3)).toBe(true);
    const rest = values.slice(10_000);
    const std = Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0) / rest.length);
    expect(std).toBeGreaterThan(0.49);
    expect(std).toBeLessThan(0.51);
  });
});
