import { flag, given, integer, number, text, type Arguments } from '@tessera/command-line';
import { TesseraError } from '@tessera/errors';
import { saveNpzImages, type Measured } from '@tessera/evaluation';
import { optionsSchema } from '@tessera/models';
import { modelEngineOptions, readEngineOptions, readSettings, setOption } from '../common-options.ts';
import { evaluateFiles } from '../evaluation/evaluate-files.ts';
import { generateSet, MOST_SAMPLES, setsOf } from '../evaluation/generate-set.ts';
import { openModelSession, type ModelSession } from '../evaluation/model-session.ts';
import { measuringOptions } from '../evaluation/options.ts';
import { reconstructionOf } from '../evaluation/reconstruction.ts';
import { manner, recognisedByClass, reportLines, type Report } from '../evaluation/report.ts';
import { settingsOf, type Settings } from '../evaluation/settings.ts';
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
    print(await evaluateModel({ folder: subject.model.folder, against, values }, terminal), values, terminal);
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

interface ModelEvaluation {
  readonly folder: string;
  readonly against: string | undefined;
  readonly values: Values;
}

async function evaluateModel({ folder, against, values }: ModelEvaluation, terminal: Terminal): Promise<Report> {
  const { samples, network, size, guidance } = values;
  const read = (outline: ModelSession['outline']): Settings => ({
    ...given({ guidance }),
    options: readSettings(values.set, optionsSchema(outline), 'tessera eval'),
  });
  const asked = { folder, against, network, size, samples, engine: readEngineOptions(values) };
  const opened = await openModelSession({ ...asked, settings: (outline) => [read(outline)] }, terminal);
  try {
    const { measured, imagesPerSecond } = await measureSets(
      opened,
      { values, settings: read(opened.outline) },
      terminal,
    );
    const { session, outline, model } = opened;
    terminal.progress(model.name, 1).begin('figures, and test images through its tokenizer');
    return {
      ...manner(opened, { subject: model.name, image: model.image, samples }),
      figures: await session.figures(measured),
      recognisedByClass: recognisedByClass(
        measured,
        model.condition.classes === null ? (opened.opened.classes ?? []) : outline.manifest.classes,
      ),
      generation: {
        seeds: setsOf(values).map(({ seed }) => seed),
        ...settingsOf(outline, read(outline)),
        imagesPerSecond,
        reconstruction: await reconstructionOf(opened, { folder, images: samples }),
      },
    };
  } finally {
    terminal.done();
    opened.dispose();
  }
}

/** Generates every set and measures it. */
async function measureSets(
  { model, opened, session }: ModelSession,
  { values, settings }: { readonly values: Values; readonly settings: Settings },
  terminal: Terminal,
): Promise<{ readonly measured: readonly Measured[]; readonly imagesPerSecond: number }> {
  const { samples, save } = values;
  const sets = setsOf(values);
  const progress = terminal.progress(model.name, samples * sets.length);
  progress.begin(`${samples} samples${sets.length > 1 ? ` in each of ${sets.length} sets` : ''}`);
  const measured: Measured[] = [];
  let seconds = 0;
  for (const [index, { first }] of sets.entries()) {
    const made = (images: number): void => progress.update(index * samples + images, 'samples');
    const set = await generateSet({ model, opened }, { samples, seed: first, ...settings, made });
    seconds += set.seconds;
    if (save !== undefined) await saveNpzImages(save, set.images);
    measured.push(await session.measure(set.images));
  }
  return { measured, imagesPerSecond: (samples * sets.length) / seconds };
}
