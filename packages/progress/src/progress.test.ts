import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { duration, showProgress } from './progress.ts';

const written = (stream: PassThrough) => String(stream.read() ?? '');

describe('progress bar', () => {
  it('draws over itself on a terminal', () => {
    const out = Object.assign(new PassThrough(), { isTTY: true });
    let time = 0;
    const bar = showProgress('train', { total: 4, out, now: () => (time += 1000) });
    bar.begin('compiling');
    for (let done = 1; done <= 4; done++) bar.update(done, `loss ${done}`);
    bar.end();
    const text = written(out);
    expect(text.split('\r')).toHaveLength(6);
    expect(text).toContain('train  compiling');
    expect(text).toMatch(/1\/4 {2}loss 1\r/);
    expect(text).toContain('[############............] 2/4  loss 2');
    expect(text).toMatch(/0s left\n$/);
  });

  it('is cut where the terminal ends, and can be taken away', () => {
    const out = Object.assign(new PassThrough(), { isTTY: true, columns: 12 });
    const bar = showProgress('train', { total: 4, out });
    bar.begin('compiling the step');
    bar.clear();
    bar.clear();
    expect(written(out)).toBe('\r\u001b[2Ktrain  comp\r\u001b[2K');
  });

  it('prints lines in a pipe: the beginning, then after pauses of 5 s to a minute, and the end', () => {
    const out = new PassThrough();
    let time = 0;
    const lines = showProgress('train', { total: 1000, out, now: () => time });
    lines.begin('1000 steps; compiling');
    for (let done = 1; done <= 1000; done++) {
      time += 1000;
      lines.update(done, `loss \u001b[31m${1 / 4}`);
    }
    lines.end();
    const text = written(out).trimEnd().split('\n');
    expect(text[0]).toBe('train  1000 steps; compiling');
    expect(text[1]).toBe('train  5/1000  loss \\u001b[31m0.25  16m35s left');
    const steps = text.slice(1, -1).map((line) => Number(/(\d+)\/1000/.exec(line)![1]));
    expect(steps.slice(0, 6)).toEqual([5, 15, 35, 75, 135, 195]);
    expect(text.at(-1)).toBe('train  1000/1000  loss \\u001b[31m0.25  in 16m40s');
    expect(text.length).toBeLessThan(25);
  });

  it('says nothing in a pipe of work that is over soon', () => {
    const out = new PassThrough();
    const lines = showProgress('train', { total: 4, out });
    lines.update(1, '');
    lines.end();
    expect(written(out)).toBe('');
  });

  it('names durations', () => expect([5, 75, 7260].map(duration)).toEqual(['5s', '1m15s', '2h1m']));
});
