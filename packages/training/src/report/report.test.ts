import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonLog, lineChart } from './training-log.ts';

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
    expect(svg.match(/<path/g)).toHaveLength(1);
    expect(svg).toContain('Loss &lt; 1');
    const shown = / d="M([^"]*)"/
      .exec(svg)![1]!
      .split('L')
      .map((pair) => pair.split(',').map(Number));
    expect(shown.length).toBeLessThan(1500);
    expect(shown.every(([x, y]) => x! >= 64 && x! <= 704 && y! >= 40 && y! <= 320)).toBe(true);
  });
});
