import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { readRecipe, runRecipe } from '@tessera/training';
import type { Arguments, Command } from '../command.ts';
import { engineOptions, readEngineOptions } from '../engine-options.ts';
import { requireWritable } from '../output-folder.ts';
import type { Terminal } from '../terminal.ts';

export const train: Command = {
  usage: 'RECIPE [--out DIR] [--resume] [--dry-run]',
  options: {
    out: { type: 'string', value: 'DIR', help: 'checkpoints, log, pictures and the model (default runs/NAME)' },
    resume: { type: 'boolean', help: 'go on from the last checkpoint in the folder' },
    'dry-run': { type: 'boolean', help: 'train nothing: print parameters, FLOPs, memory and estimated time' },
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
  const out = typeof values['out'] === 'string' ? values['out'] : join('runs', loaded.recipe.name);
  await requireWritable(out);
  if (values['resume'] !== true) requireFresh(out);
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const engine = createEngine(readEngineOptions(values));
  try {
    const result = await runRecipe({ loaded, engine, out, stream: process.stderr, signal: abort.signal });
    if (values['json'] === true) terminal.out(JSON.stringify(result));
    else if (result.finished)
      terminal.out(`Trained. The model is in ${result.model ?? out}; pictures and curves are in ${out}.`);
    else terminal.out(`Stopped; nothing is lost. Go on with: tessera train ${file} --out ${out} --resume`);
    return result.finished ? 0 : 130;
  } finally {
    engine.dispose();
  }
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
