import { given } from '@tessera/command-line';
import { saveNpzImages, type Measured } from '@tessera/evaluation';
import { optionsSchema } from '@tessera/models';
import type { EngineOptions } from '@tessera/targets';
import { readSettings } from '../common-options.ts';
import type { Terminal } from '../terminal.ts';
import { generateSet, setsOf } from './generate-set.ts';
import { openModelSession, type ModelSession } from './model-session.ts';
import { reconstructionOf } from './reconstruction.ts';
import { manner, recognisedByClass, type Report } from './report.ts';
import { settingsOf, type Settings } from './settings.ts';

interface ModelEvaluation {
  readonly folder: string;
  readonly against: string | undefined;
  readonly engine: EngineOptions;
  /** As the command line has them. */
  readonly values: {
    readonly samples: number;
    readonly network?: string | undefined;
    readonly size?: number | undefined;
    readonly guidance?: number | undefined;
    readonly set?: readonly string[];
    readonly seed?: number | undefined;
    readonly seeds: readonly number[] | undefined;
    readonly save?: string | undefined;
  };
}

/** Generates images of a model and measures them. @throws TesseraError those of all that is opened */
export async function evaluateModel(
  { folder, against, engine, values }: ModelEvaluation,
  terminal: Terminal,
): Promise<Report> {
  const { samples, network, size, guidance } = values;
  const read = (outline: ModelSession['outline']): Settings => ({
    ...given({ guidance }),
    options: readSettings(values.set ?? [], optionsSchema(outline), 'tessera eval'),
  });
  const asked = { folder, against, network, size, samples, engine };
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
        precision: model.precision,
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
  { values, settings }: { readonly values: ModelEvaluation['values']; readonly settings: Settings },
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
