import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lineChart } from './line-chart.ts';
import { writeReport } from './report-page.ts';
import { jsonLog } from './training-log.ts';

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

describe('report page', () => {
  it('holds speed, curves, pictures and the recipe, and asks for nothing outside', async () => {
    const out = await mkdtemp(join(tmpdir(), 'tessera-report-'));
    const log = jsonLog(join(out, 'log.jsonl'));
    for (const step of [9, 19, 29]) {
      const time = { seconds: step < 15 ? 60 : 60 + (step - 9) / 2, compiling: 50 };
      await log.write({ stage: 'generator', step, loss: 3 - step / 30, ...time });
    }
    await mkdir(join(out, 'pictures'));
    for (const step of ['000010', '000020']) await writeFile(join(out, 'pictures', `generator-${step}.png`), step);
    const generator = { steps: 40, batch: 8, accumulate: 2 };
    const recipe = { name: 'x', title: 'A <b>bold</b> title', description: '', generator };
    await writeReport({ recipe, out, log }, 'running');
    const page = await readFile(join(out, 'report.html'), 'utf8');
    // 16 images in half a second; ten steps are left.
    expect(page).toContain('<td>30 / 40</td><td>32.0</td><td>1m10s</td><td>5s</td><td>2.033</td>');
    expect(page).toContain('A &lt;b>bold&lt;/b> title');
    expect(page.match(/<svg /g)).toHaveLength(1);
    expect(page.match(/alt="Samples after \d+ steps/g)).toHaveLength(2);
    expect(page).toContain('http-equiv="refresh"');
    const addresses = [...page.matchAll(/(?:src|href)="([^"]{0,22})/g)].map(([, address]) => address);
    expect(new Set(addresses)).toEqual(new Set(['data:image/png;base64,']));
    await rm(out, { recursive: true });
  });
});
