import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { jsonLog } from './json-log.ts';
import { lineChart } from './line-chart.ts';
import { duration, progressBar } from './progress.ts';

const written = (stream: PassThrough) => String(stream.read() ?? '');

describe('progress bar', () => {
  it('draws over itself on a terminal', () => {
    const out = Object.assign(new PassThrough(), { isTTY: true });
    let time = 0;
    const bar = progressBar('train', { total: 4, out, now: () => (time += 1000) });
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

  it('says nothing in a pipe', () => {
    const out = new PassThrough();
    const bar = progressBar('train', { total: 4, out });
    bar.update(1, '');
    bar.end();
    expect(written(out)).toBe('');
  });

  it('names durations', () => expect([5, 75, 7260].map(duration)).toEqual(['5s', '1m15s', '2h1m']));
});

describe('log', () => {
  it('drops half a line and rewinds a stage', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-log-'));
    const log = jsonLog(join(folder, 'deep', 'log.jsonl'));
    for (const step of [0, 1, 2]) await log.write({ stage: 'vq', step, loss: 1 / (step + 1) });
    await log.write({ stage: 'judge', step: 2, loss: 0 });
    await appendFile(join(folder, 'deep', 'log.jsonl'), '{"stage": "vq", "st');
    await log.rewind('vq', 1);
    expect(await log.read()).toEqual([
      { stage: 'vq', step: 0, loss: 1 },
      { stage: 'judge', step: 2, loss: 0 },
    ]);
    await rm(folder, { recursive: true });
  });
});

describe('line chart', () => {
  it('draws one line per series inside the picture', () => {
    const points = Array.from({ length: 3000 }, (_, step) => [step, Math.exp(-step / 500)] as const);
    const svg = lineChart('Loss < 1', [
      { name: 'train', points },
      { name: 'empty', points: [] },
    ]);
    expect(svg.match(/<polyline/g)).toHaveLength(1);
    expect(svg).toContain('Loss &lt; 1');
    const shown = /points="([^"]*)"/
      .exec(svg)![1]!
      .split(' ')
      .map((pair) => pair.split(',').map(Number));
    expect(shown.length).toBeLessThan(1500);
    expect(shown.every(([x, y]) => x! >= 64 && x! <= 704 && y! >= 40 && y! <= 320)).toBe(true);
  });
});
