import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fitScaling } from './commands/fit-scaling.ts';
import { runCommand } from './testing/run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'tessera-scaling-'));
const runs = join(folder, 'runs');
/** Widths, and the losses of logs that a law with the offset 2 and the exponent 0.5 in the parameters would leave. */
const widths = [8, 16, 32, 64];
const recipes = widths.map((width) => join(folder, `w${width}.json`));
afterAll(() => rmSync(folder, { recursive: true }));

function writeLog(name: string, loss: number, steps = 8): void {
  mkdirSync(join(runs, name), { recursive: true });
  const lines = [1, steps - 1].map((step) => ({ stage: 'generator', step, loss: loss + 1, 'validation.loss': loss }));
  writeFileSync(join(runs, name, 'log.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

beforeAll(() => {
  for (const [index, width] of widths.entries()) {
    const backbone = { plugin: 'next-scale-transformer', config: { classes: 10, depth: 1, width, heads: 2 } };
    const recipe = {
      extends: join(root, 'recipes/micro-var.json'),
      name: `w${width}`,
      judge: null,
      model: { backbone },
    };
    writeFileSync(recipes[index]!, JSON.stringify(recipe));
    writeLog(`w${width}`, 1);
  }
});

const run = async (...argv: string[]) => (await runCommand(fitScaling, 'tessera fit-scaling', argv)).lines;

interface Fit {
  readonly points: readonly { recipe: string; parameters: number; flops: number; loss: number }[];
  readonly law: { exponent: number; offset: number };
}

it('finds the law of the losses in logs, by the parameters that recipes have', async () => {
  const { points } = JSON.parse((await run(...recipes, '--runs', runs, '--json'))[0]!) as Fit;
  expect(points.map(({ recipe }) => recipe)).toEqual(['w8', 'w16', 'w32', 'w64']);
  expect(points.every(({ flops }) => flops > 1e6)).toBe(true);
  for (const { recipe, parameters } of points) writeLog(recipe, 2 + 300 * parameters ** -0.5);
  const lines = await run(...recipes, '--runs', runs);
  expect(lines.join('\n')).toMatch(/offset 2 \[2, 2\], factor 300 \[300, 300\], exponent 0\.5 \[0\.5, 0\.5\]/);
  expect(lines.filter((line) => /^\| w\d+ /.test(line))).toHaveLength(4);
  expect(readFileSync(join(runs, 'scaling-parameters.md'), 'utf8')).toBe(`${lines.join('\n')}\n`);
  const plot = readFileSync(join(runs, 'scaling-parameters.svg'), 'utf8');
  expect(plot.match(/<circle/g)).toHaveLength(4);
  expect(plot).not.toMatch(/NaN|undefined/);
});

it.each([
  ['a figure that no log has', () => ['--loss', 'validation.fid'], 'no validation.fid above 0'],
  ['a training that is not there', () => [join(root, 'recipes/micro-mar.json')], 'no log.jsonl'],
  ['a training that is not finished', () => (writeLog('w64', 2, 5), []), 'a generator after 5 of 8 steps'],
])('refuses %s', async (_, more, words) => {
  await expect(run(...recipes, ...more(), '--runs', runs)).rejects.toThrow(words);
});
