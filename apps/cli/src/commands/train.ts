import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { TesseraError } from '@tessera/errors';
import type { Plugins } from '@tessera/models';
import { readRecipe, recipeFacts, runRecipe, type LoadedRecipe, type RecipeFacts } from '@tessera/training';
import type { Arguments, Command } from '../command.ts';
import { engineOptions, readEngineOptions } from '../engine-options.ts';
import { requireWritable } from '../output-folder.ts';
import { projectPlugins } from '../project-plugins.ts';
import { shellWord } from '../shell-word.ts';
import type { Terminal } from '../terminal.ts';

export const train: Command = {
  usage: 'RECIPE [--out DIR] [--resume] [--dry-run]',
  options: {
    out: { type: 'string', value: 'DIR', help: 'checkpoints, log, pictures and the model (default runs/NAME)' },
    resume: { type: 'boolean', help: 'go on from the last checkpoint in the folder' },
    'dry-run': {
      type: 'boolean',
      help: 'train nothing: print parameters, FLOPs, memory and the estimated time of all that runs',
    },
    json: { type: 'boolean', help: 'print the result as one JSON object' },
    ...engineOptions,
  },
  examples: [
    'tessera train recipes/digits-var.json --dry-run',
    'tessera train recipes/digits-var.json --out runs/digits',
    'tessera train recipes/digits-var.json --out runs/digits --resume',
  ],
  positionals: [1, 1],
  run,
};

async function run({ positionals: [file], values }: Arguments, terminal: Terminal): Promise<number> {
  const loaded = await readRecipe(file!);
  const plugins = await projectPlugins(terminal);
  const engine = createEngine(readEngineOptions(values));
  try {
    const out = typeof values['out'] === 'string' ? values['out'] : join('runs', loaded.recipe.name);
    if (values['dry-run'] === true) {
      const resume = values['resume'] === true ? { resume: out } : {};
      return await dryRun({ loaded, engine, plugins, json: values['json'] === true, ...resume }, terminal);
    }
    await requireWritable(out);
    if (values['resume'] !== true) requireFresh(out);
    const abort = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
    const result = await runRecipe({ loaded, engine, plugins, out, stream: process.stderr, signal: abort.signal });
    if (values['json'] === true) terminal.out(JSON.stringify(result));
    else if (result.finished) terminal.out(`Trained: ${result.model ?? out}. Pictures and curves: ${out}.`);
    else {
      const chosen = ['target', 'threads'].filter((name) => values[name] !== undefined);
      const where = chosen.map((name) => ` --${name} ${shellWord(String(values[name]))}`).join('');
      const again = `tessera train ${shellWord(file!)} --out ${shellWord(out)}${where} --resume`;
      terminal.out(`Stopped; nothing is lost. Go on with: ${again}`);
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
  const facts = await recipeFacts({ ...request, measure: MEASURED });
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

/** A folder that holds a training is only touched when that is wanted. */
function requireFresh(out: string): void {
  if (!existsSync(join(out, 'log.jsonl'))) return;
  throw new TesseraError({
    code: 'run-exists',
    who: 'tessera train',
    got: `${out}, which holds a training already`,
    expected: 'a new folder',
    next: 'Add --resume to go on with it, or choose another --out.',
  });
}
