import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { flag, text, type Arguments } from '@tessera/command-line';
import type { Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Plugins } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { readRecipe, recipeFacts, runRecipe, type LoadedRecipe, type RecipeFacts } from '@tessera/training';
import { engineOptions, readEngineOptions, requireWritable } from '../common-options.ts';
import { projectPlugins } from '../project.ts';
import { shellWord, type Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  out: text({ value: 'DIR', help: 'checkpoints, log, pictures and the model (default runs/NAME)' }),
  resume: flag('continue from the last checkpoint in the folder'),
  dryRun: flag('train nothing: print parameters, FLOPs, memory and the estimated time of each stage'),
  json: flag('print the result as one JSON object'),
  ...engineOptions,
} as const;

export const train: Command<typeof options> = {
  positionals: { usage: 'RECIPE', least: 1, most: 1 },
  options,
  examples: [
    'tessera train recipes/digits-var.json --dry-run',
    'tessera train recipes/digits-var.json --out runs/digits',
    'tessera train recipes/digits-var.json --out runs/digits --resume',
  ],
  run,
};

async function run({ positionals: [file], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const loaded = await readRecipe(file!);
  const plugins = await projectPlugins(terminal);
  const engine = createEngine(readEngineOptions(values));
  try {
    const { out = join('runs', loaded.recipe.name), resume, json } = values;
    if (values.dryRun) {
      return await dryRun({ loaded, engine, plugins, json, ...(resume && { resume: out }) }, terminal);
    }
    await requireWritable(out);
    if (!resume) requireFresh(out);
    const abort = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
    const result = await runRecipe({ loaded, engine, plugins, out, stream: process.stderr, signal: abort.signal });
    if (json) terminal.out(JSON.stringify(result));
    else if (result.finished) terminal.out(`Trained: ${result.model ?? out}. Report: ${join(out, 'report.html')}.`);
    else {
      const chosen = (['target', 'threads'] as const).filter((name) => values[name] !== undefined);
      const where = chosen.map((name) => ` --${name} ${shellWord(String(values[name]))}`).join('');
      const again = `tessera train ${shellWord(file!)} --out ${shellWord(out)}${where} --resume`;
      terminal.out(`Stopped; nothing is lost. Continue with: ${again}`);
    }
    return result.finished ? 0 : 130;
  } finally {
    engine.dispose();
  }
}

interface DryRun {
  readonly loaded: LoadedRecipe;
  readonly engine: Engine;
  readonly plugins: Plugins;
  readonly json: boolean;
  readonly resume?: string;
}

/** Steps to time for each stage. */
const MEASURED = 3;

async function dryRun({ json, ...request }: DryRun, terminal: Terminal): Promise<number> {
  terminal.progress(request.loaded.recipe.name, 1).begin('timing a few steps of each stage');
  const progress = (label: string) => (total: number) => terminal.progress(label, total);
  const facts = await recipeFacts({ ...request, measure: MEASURED, progress });
  terminal.done();
  if (json) terminal.out(JSON.stringify(facts));
  else for (const line of factLines(facts)) terminal.out(line);
  return 0;
}

function factLines({ name, images, found, remarks, stages, parameters, seconds, secondsOf }: RecipeFacts): string[] {
  const minutes = (time: number) => (time < 90 ? `${time.toFixed(0)} s` : `${(time / 60).toFixed(0)} min`);
  const mega = (count: number) => `${(count / 1e6).toFixed(2)}M`;
  const shares = Object.entries(secondsOf ?? {})
    .filter(([, part]) => part >= 0.5)
    .sort(([, one], [, other]) => other - one)
    .map(([name, part]) => `${name} ${minutes(part)}`)
    .join(', ');
  return [
    ...(found ? [found] : []),
    `${name}: ${mega(parameters)} parameters; ${images.train} images to train on, ${images.validation} to validate, ${images.test} to test`,
    ...remarks.map((remark) => `  ${remark}`),
    ...stages.map(
      (stage) =>
        `  ${stage.name.padEnd(9)} ${mega(stage.parameters)} parameters, ${stage.steps} steps of ${stage.images} images, ` +
        `${(stage.flopsPerStep / 1e9).toFixed(1)} GFLOP and ${(stage.secondsPerStep ?? 0).toFixed(2)} s a step here, ` +
        `${(stage.memoryBytes / 2 ** 20).toFixed(0)} MB, ${minutes(stage.steps * (stage.secondsPerStep ?? 0))}`,
    ),
    `about ${minutes(seconds ?? 0)} on this machine${shares && ` (${shares})`}; nothing was written`,
  ];
}

/** A folder that holds a training is changed only by --resume. */
function requireFresh(out: string): void {
  if (!existsSync(join(out, 'log.jsonl'))) return;
  throw new TesseraError({
    code: 'run-exists',
    who: 'tessera train',
    got: `${out}, which holds a training already`,
    expected: 'a new folder',
    next: 'Add --resume to continue it, or choose another --out.',
  });
}
