/** @module-tag long */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { createEngine } from '@tessera/targets';
import { readRecipe, runRecipe } from '@tessera/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fitScaling } from './commands/fit-scaling.ts';
import { runCommand } from './testing/run-command.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'tessera-scaling-'));
/** Other work on the machine may slow a hook down. */
const SLOW = 120_000;
const widths = [8, 16, 32, 64];
const recipes = widths.map((width) => join(folder, `w${width}.json`));
afterAll(() => rmSync(folder, { recursive: true }));

/** Four tiny trainings of different widths. */
beforeAll(async () => {
  const micro = JSON.parse(readFileSync(join(root, 'recipes/micro-var.json'), 'utf8'));
  const engine = createEngine({ threads: 1 });
  for (const [index, width] of widths.entries()) {
    const backbone = { plugin: 'next-scale-transformer', config: { classes: 10, depth: 1, width, heads: 2 } };
    const short = { steps: 3, every: { log: 1, validate: 3, picture: 0, checkpoint: 0 } };
    const recipe = {
      ...micro,
      name: `w${width}`,
      judge: null,
      model: { ...micro.model, backbone },
      tokenizer: { ...micro.tokenizer, steps: 1, every: short.every },
      generator: { ...micro.generator, ...short },
    };
    writeFileSync(recipes[index]!, JSON.stringify(recipe));
    const loaded = await readRecipe(recipes[index]!);
    const signal = new AbortController().signal;
    const out = join(folder, 'runs', recipe.name);
    await runRecipe({ loaded, engine, out, stream: new PassThrough().resume(), signal });
  }
  engine.dispose();
}, SLOW);

const run = async (...argv: string[]) => (await runCommand(fitScaling, 'tessera fit-scaling', argv)).lines;

it('fits the losses in the logs of trainings', async () => {
  const runs = join(folder, 'runs');
  const [json] = await run(...recipes, '--runs', runs, '--by', 'flops', '--json');
  const fit = JSON.parse(json!) as {
    points: { recipe: string; parameters: number; flops: number; loss: number }[];
    law: { exponent: number; offset: number };
  };
  expect(fit.points.map(({ recipe }) => recipe)).toEqual(['w8', 'w16', 'w32', 'w64']);
  for (const { recipe, loss, flops } of fit.points) {
    const logged = readFileSync(join(runs, recipe, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(loss).toBe(JSON.parse(logged.at(-1)!)['validation.loss']);
    expect(flops).toBeGreaterThan(1e6);
  }
  expect(fit.law.offset).toBeGreaterThanOrEqual(0);
  const table = readFileSync(join(runs, 'scaling-flops.md'), 'utf8').split('\n');
  expect(table.filter((line) => /^\| w\d+ /.test(line))).toHaveLength(4);
  expect(table.join('\n')).toMatch(/offset \S+ \[\S+, \S+\], factor .* exponent \S+ \[/);
  const plot = readFileSync(join(runs, 'scaling-flops.svg'), 'utf8');
  expect(plot.match(/<circle/g)).toHaveLength(4);
  expect(plot).not.toMatch(/NaN|undefined/);
});

it.each([
  ['a figure that no log has', () => [...recipes, '--loss', 'validation.fid'], 'no validation.fid above 0'],
  ['a training that is not there', () => [...recipes, join(root, 'recipes/micro-mar.json')], 'no log.jsonl'],
])('refuses %s', async (_, argv, words) => {
  await expect(run(...argv(), '--runs', join(folder, 'runs'))).rejects.toThrow(words);
});
