import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { flag, integers, text } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { createEngine } from '@tessera/targets';
import { readRecipe, runBatch, type BatchResult, type LoadedRecipe } from '@tessera/training';
import { engineOptions, readEngineOptions, requireWritable } from '../common-options.ts';
import { projectPlugins } from '../project.ts';
import type { Command } from '../command.ts';

const options = {
  out: text({ value: 'DIR', required: true, help: 'a folder for each run, NAME or NAME-seed-S, and batch.json' }),
  seeds: integers({
    value: 'LIST',
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
    help: 'runs every recipe with each of these seeds, 1,2,3 (default: once, with its own)',
  }),
  json: flag('print the figures as one JSON object'),
  ...engineOptions,
} as const;

export const batch: Command<typeof options> = {
  positionals: { usage: 'RECIPE|FOLDER...', least: 1, most: 1000 },
  options,
  notes: ['What is finished stays as it is and what was interrupted continues: the same command does both.'],
  examples: [
    'tessera batch recipes/scaling --out runs/scaling',
    'tessera batch recipes/table-1 --seeds 1,2,3 --out runs/table-1',
  ],
  async run({ positionals, values }, terminal) {
    const { out, seeds = null, json } = values;
    const recipes = await recipesOf(positionals);
    const plugins = await projectPlugins(terminal);
    await requireWritable(out);
    const abort = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
    const engine = createEngine(readEngineOptions(values));
    try {
      const request = { recipes, seeds, engine, plugins, out, stream: process.stderr, signal: abort.signal };
      const result = await runBatch(request);
      if (json) terminal.out(JSON.stringify(result));
      else for (const line of resultLines(result, out)) terminal.out(line);
      return result.finished ? 0 : 130;
    } finally {
      engine.dispose();
    }
  },
};

/** Reads all recipes before any is run. @throws TesseraError `recipe-repeated`, and what `readRecipe` throws */
async function recipesOf(paths: readonly string[]): Promise<readonly LoadedRecipe[]> {
  const files = await Promise.all(paths.map(filesOf));
  const recipes = await Promise.all(files.flat().map((file) => readRecipe(file)));
  const names = recipes.map(({ recipe }) => recipe.name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (recipes.length > 0 && repeated === undefined) return recipes;
  throw new TesseraError({
    code: 'recipe-repeated',
    who: 'tessera batch',
    got: repeated === undefined ? `no recipe in ${paths.join(', ')}` : `two recipes of the name ${repeated}`,
    expected: 'recipes of different names: each has a folder of its name',
  });
}

async function filesOf(path: string): Promise<readonly string[]> {
  const isFolder = await stat(path)
    .then((found) => found.isDirectory())
    .catch(() => false);
  if (!isFolder) return [path];
  const names = await readdir(path);
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(path, name));
}

/** The figures that a table of recipes is read for. All are in batch.json. */
const SHOWN = ['recognised', 'fdCnn', 'fdCnnFloor', 'reconstructionPsnr'];

function resultLines({ rows, finished }: BatchResult, out: string): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, seeds, metrics }) => {
    const figures = SHOWN.filter((metric) => metric in metrics).map((metric) => {
      const { mean, half } = metrics[metric]!;
      return `${metric} ${mean.toPrecision(4)}${half === null ? '' : ` ± ${half.toPrecision(2)}`}`;
    });
    return `${name.padEnd(width)}  seeds ${seeds.join(',')}  ${figures.join('  ')}`.trimEnd();
  });
  const end = finished
    ? `All figures: ${join(out, 'batch.json')}`
    : 'Stopped; nothing is lost. The same command continues.';
  return [...lines, end];
}
