import { readCommandLine } from '@tessera/command-line';
import { describe, expect, it } from 'vitest';
import { checkArguments, line, targetJobs } from './arguments.ts';
import { bench } from './bench.ts';
import { alternate, type Figures, median, quantile, type Side } from './measure.ts';
import { randomValues } from './random-model.ts';
import { ratiosOf } from './targets.ts';

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
  const parse = (...args: string[]) => checkArguments(readCommandLine(line, args)!);

  it('have defaults', () => {
    const expected = { benchmark: 'var-d16', python: 'python3', json: false, images: 5, samples: 500, threads: 2 };
    expect(parse('var-d16')).toEqual({
      ...{ ...expected, precision: 'float32', peer: 'float32' },
      ...{ jobs: targetJobs, write: false },
    });
    expect(parse('server', '--python', 'none', '--json')).toMatchObject({ python: null, json: true });
  });

  it('explain themselves, and refuse the rest', async () => {
    const lines: string[] = [];
    expect(await bench(['--help'], (line) => lines.push(line))).toBe(0);
    expect(lines[0]).toContain('npm run bench -- var-d16');
    for (const [code, sentence, ...args] of [
      [2, /got no argument; expected npm run bench -- BENCHMARK/],
      [2, /got the benchmark var-d99; expected one of .* Did you mean var-d16\?/, 'var-d99'],
      [1, /got --images 0; expected an integer from 1/, 'var-d16', '--images', '0'],
      [1, /got --threads two; expected an integer from 1/, 'var-d16', '--threads', 'two'],
      [1, /got --jobs var-trian; expected one of /, 'targets', '--jobs', 'var-d16,var-trian'],
      [2, /got --precision int8 with mar-train; expected it with var-d16/, 'mar-train', '--precision', 'int8'],
      [2, /got --write with --jobs; expected all jobs/, 'targets', '--jobs', 'var-train', '--write'],
    ] as const) {
      const said: string[] = [];
      expect(await bench(args, (text) => said.push(text))).toBe(code);
      expect(said).toEqual([expect.stringMatching(sentence)]);
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

describe('median', () => {
  it('takes the middle, or the mean of the two middles', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('quantile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile(values, 1)).toBe(100);
    expect(quantile([5], 0.5)).toBe(5);
  });
});

it('takes the geometric mean of the jobs that have a target, over ONNX Runtime', () => {
  const times = (onnx: number, between: number) => [
    { title: 'ONNX Runtime', seconds: onnx },
    { title: 'TensorFlow, XLA between products', seconds: between },
  ];
  const measured = [
    { job: 'var-train', kind: 'training', times: times(2, 1) },
    { job: 'mar-train', kind: 'training', times: times(1, 2) },
    { job: 'vqvae-train', kind: 'training', times: times(1, 0.125) },
    { job: 'var-d16', kind: 'inference', times: times(1, 3).slice(0, 1) },
  ] as const;
  expect(ratiosOf(measured)).toEqual({ inference: { onnx: 1 }, training: { onnx: 1, tensorflow: 0.5 } });
});
