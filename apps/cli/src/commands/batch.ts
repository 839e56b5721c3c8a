import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { flag, integers, text } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import type { Plugins } from '@tessera/models';
import { duration } from '@tessera/progress';
import { createEngine, type EngineOptions } from '@tessera/targets';
import { readRecipe, recipeFacts, runBatch, type BatchResult, type LoadedRecipe } from '@tessera/training';
import { engineOptions, readEngineOptions, requireWritable } from '../common-options.ts';
import { projectPlugins } from '../project.ts';
import type { Command } from '../command.ts';
import type { Terminal } from '../terminal.ts';

const options = {
  out: text({ value: 'DIR', required: true, help: 'a folder for each run, NAME or NAME-seed-S, and batch.json' }),
  seeds: integers({
    value: 'LIST',
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
    help: 'runs every recipe with each of these seeds, 1,2,3 (default: once, with its own)',
  }),
  dryRun: flag('train nothing: print the estimated time of each run, and of all'),
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
    'tessera batch recipes/table-1 --seeds 1,2,3 --out runs/table-1 --dry-run',
  ],
  async run({ positionals, values }, terminal) {
    const { out, seeds = null, json, dryRun } = values;
    const recipes = await recipesOf(positionals);
    const plugins = await projectPlugins(terminal);
    if (dryRun)
      return estimate(
        { recipes, runs: seeds?.length ?? 1, plugins, engine: readEngineOptions(values), json },
        terminal,
      );
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

interface Estimate {
  readonly recipes: readonly LoadedRecipe[];
  /** Of each recipe. */
  readonly runs: number;
  readonly plugins: Plugins;
  readonly engine: EngineOptions;
  readonly json: boolean;
}

/** Times a few steps of each recipe, and adds up the runs. Each recipe has an engine of its own, as memory is released with it. */
async function estimate({ recipes, runs, plugins, json, ...request }: Estimate, terminal: Terminal): Promise<number> {
  const rows: { readonly name: string; readonly runs: number; readonly secondsEach: number }[] = [];
  const width = Math.max(...recipes.map(({ recipe }) => recipe.name.length));
  for (const loaded of recipes) {
    terminal.progress('timing', recipes.length).update(rows.length, loaded.recipe.name);
    const engine = createEngine(request.engine);
    try {
      const { name, seconds } = await recipeFacts({ loaded, engine, plugins, measure: 2 });
      rows.push({ name, runs, secondsEach: seconds! });
    } finally {
      engine.dispose();
      terminal.done();
    }
    const { name, secondsEach } = rows.at(-1)!;
    if (!json) terminal.out(`${name.padEnd(width)}  ${runs} x ${duration(secondsEach)}`);
  }
  const seconds = rows.reduce((sum, { secondsEach }) => sum + runs * secondsEach, 0);
  if (json) terminal.out(JSON.stringify({ rows, seconds }));
  else terminal.out(`about ${duration(seconds)} in all on this machine; nothing was written`);
  return 0;
}

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
