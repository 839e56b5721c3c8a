import { flag, given, integer, number, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { modelEngineOptions, readEngineOptions, setOption } from '../common-options.ts';
import { evaluateFiles } from '../evaluation/evaluate-files.ts';
import { evaluateModel } from '../evaluation/evaluate-model.ts';
import { MOST_SAMPLES } from '../evaluation/generate-set.ts';
import { measuringOptions } from '../evaluation/options.ts';
import { reportLines, type Report } from '../evaluation/report.ts';
import { namedSubject } from '../evaluation/subject.ts';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  ...measuringOptions,
  recipe: text({ value: 'FILE', help: 'the same as --against for a recipe' }),
  seed: integer({
    value: 'S',
    from: 0,
    to: Number.MAX_SAFE_INTEGER - MOST_SAMPLES,
    help: 'one set whose first image has this seed, instead of --seeds',
  }),
  guidance: number({ value: 'G', help: 'strength of guidance (default: the model’s own)' }),
  set: setOption,
  save: text({ value: 'FILE.npz', help: 'write the images as other evaluators read them' }),
  json: flag('print one JSON object'),
  ...modelEngineOptions,
} as const;

type Values = Arguments<typeof options>['values'];

export const evaluate: Command<typeof options> = {
  positionals: { usage: 'MODEL|FOLDER|FILE.npz', least: 1, most: 1 },
  options,
  examples: [
    'tessera eval digits-var',
    'tessera eval digits-mar --samples 200 --seeds 1,2,3 --guidance 3 --set temperature=0.9 --json',
    'tessera eval samples.npz --against recipes/digits-var.json',
    'tessera eval my-pictures --against statistics.npz --network mnist-32',
  ],
  run,
};

async function run({ positionals: [word], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const subject = namedSubject(word!);
  const { recipe, seed, seeds, guidance, save, set } = values;
  if (values.against !== undefined && recipe !== undefined)
    throw contradiction('--against and --recipe', 'one of them');
  if (seed !== undefined && seeds !== undefined) throw contradiction('--seed and --seeds', 'one of them');
  if (save !== undefined && seeds && seeds.length > 1)
    throw contradiction('--save with several seeds', 'one set to save');
  const against = values.against ?? recipe;
  if (subject.kind === 'model') {
    print(
      await evaluateModel(
        { folder: subject.model.folder, against, engine: readEngineOptions(values), values },
        terminal,
      ),
      values,
      terminal,
    );
    return 0;
  }
  const ofModels = given({ seeds, seed, guidance, save, set: set.length > 0 || undefined });
  for (const name of Object.keys(ofModels)) throw contradiction(`--${name} for images`, 'it for a model only');
  if (against === undefined) throw contradiction(`${word} alone`, '--against: a recipe, a folder or an npz file');
  const { network, size } = values;
  print(
    await evaluateFiles({ subject, against, network, size, engine: readEngineOptions(values) }, terminal),
    values,
    terminal,
  );
  return 0;
}

function contradiction(got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'option', who: 'tessera eval', got, expected });
}

function print(report: Report, { json }: Values, terminal: Terminal): void {
  terminal.done();
  if (json) terminal.out(JSON.stringify(report));
  else for (const line of reportLines(report)) terminal.out(line);
}
