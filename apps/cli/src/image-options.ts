import {
  findModel,
  optionsSchema,
  outlineModel,
  readRequest,
  type GenerateRequest,
  type ModelManifest,
  type Plugins,
} from '@tessera/models';
import { readChoices } from './choices.ts';
import type { Arguments, Option } from './command.ts';
import { engineOptions } from './engine-options.ts';
import { readLabels, spreadLabels } from './labels.ts';
import { integer, number, required } from './numbers.ts';
import { requireWritable } from './output-folder.ts';
import { projectPlugins, sayRemarks } from './project-plugins.ts';
import type { Terminal } from './terminal.ts';

/** Options of every command that makes images; `--label` is each command's own. */
export const imageOptions: Readonly<Record<string, Option>> = {
  count: { type: 'string', value: 'N', help: 'how many images (default: one for each --label)' },
  seed: { type: 'string', value: 'S', help: 'seed of the first image; image i has S + i (default 0)' },
  out: { type: 'string', value: 'DIR', help: 'folder for the PNG files (made if missing)' },
  guidance: {
    type: 'string',
    value: 'G',
    help: 'strength of guidance in the model’s own scale (default: the model’s own)',
  },
  set: {
    type: 'string',
    value: 'NAME=VALUE',
    help: 'an option of the model, repeatable; tessera models NAME lists them',
    repeats: true,
  },
  'steps-strip': { type: 'boolean', help: 'also write steps.png: how every image looked after each step' },
  batch: { type: 'string', value: 'B', help: 'images computed together (default 8; never changes an image)' },
  json: { type: 'boolean', help: 'print files and timings per step as one JSON object' },
  ...engineOptions,
};

export const modelOption: Option = {
  type: 'string',
  value: 'NAME',
  help: 'a model of tessera models, or a path to a model folder',
};

/** Images of one run at most. */
const MOST_IMAGES = 10_000;

/** What a command line asks for. */
export interface ImageWishes {
  /** Of the model. */
  readonly folder: string;
  /** Of the project, besides Tessera's own. */
  readonly plugins: Plugins;
  readonly out: string;
  readonly batch: number;
  /** All images as one request; what is left out takes the model's defaults. */
  readonly request: GenerateRequest;
}

/** Who reads its command line. */
export interface ImageCommand {
  readonly command: string;
  /** What is made where no label is said. */
  readonly without: 'each class in turn' | 'no class';
}

/** Checked before any weights are read. */
export async function readWishes(
  { command, without }: ImageCommand,
  { values, lists }: Arguments,
  terminal: Terminal,
): Promise<ImageWishes> {
  const out = required(command, '--out DIR', values['out']);
  const { folder } = findModel(required(command, '--model NAME', values['model']));
  const batch = integer('--batch', values['batch'] ?? '8', 1, 256);
  const count = values['count'] === undefined ? undefined : integer('--count', values['count'], 1, MOST_IMAGES);
  const seed = integer('--seed', values['seed'] ?? '0', 0, Number.MAX_SAFE_INTEGER);
  const plugins = await projectPlugins(terminal);
  const outline = await outlineModel(folder, plugins);
  sayRemarks(outline, terminal);
  const request: GenerateRequest = {
    labels: labelsOf(lists['label'], { count, without, model: outline.manifest }),
    seed,
    ...(values['guidance'] === undefined ? {} : { guidance: number('--guidance', values['guidance']) }),
    options: readChoices(lists['set'] ?? [], optionsSchema(outline)),
    preview: values['steps-strip'] === true ? 'decoded' : 'none',
  };
  readRequest(outline, request);
  await requireWritable(out);
  return { folder, plugins, out, batch, request };
}

interface LabelDefaults {
  readonly count: number | undefined;
  readonly without: ImageCommand['without'];
  readonly model: ModelManifest;
}

function labelsOf(options: readonly string[] | undefined, { count, without, model }: LabelDefaults): number[] {
  if (options) return spreadLabels(readLabels(options, model), count);
  const classes = model.classes.length;
  return Array.from({ length: count ?? 1 }, (_, image) =>
    without === 'no class' || classes === 0 ? -1 : image % classes,
  );
}
