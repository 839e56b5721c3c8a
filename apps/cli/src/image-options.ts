import {
  findModel,
  optionsSchema,
  outlineModel,
  readRequest,
  type GenerateRequest,
  type Plugins,
} from '@tessera/models';
import { readChoices } from './choices.ts';
import type { Arguments, Option } from './command.ts';
import { engineOptions } from './engine-options.ts';
import { readLabels } from './labels.ts';
import { integer, number, required } from './numbers.ts';
import { requireWritable } from './output-folder.ts';
import { projectPlugins } from './project-plugins.ts';
import type { Terminal } from './terminal.ts';

/** Options of every command that makes images; `--label` is each command's own. */
export const imageOptions: Readonly<Record<string, Option>> = {
  count: { type: 'string', value: 'N', help: 'how many images (default 1)' },
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
  /** Holds where the option is left out. */
  readonly label?: string;
}

/** Checked before any weights are read. */
export async function readWishes(
  { command, label }: ImageCommand,
  { values, lists }: Arguments,
  terminal: Terminal,
): Promise<ImageWishes> {
  const out = required(command, '--out DIR', values['out']);
  const { folder } = findModel(required(command, '--model NAME', values['model']));
  const batch = integer('--batch', values['batch'] ?? '8', 1, 256);
  const count = integer('--count', values['count'] ?? '1', 1, 10_000);
  const seed = integer('--seed', values['seed'] ?? '0', 0, Number.MAX_SAFE_INTEGER - count);
  const plugins = await projectPlugins(terminal);
  const outline = await outlineModel(folder, plugins);
  const request: GenerateRequest = {
    labels: readLabels(values['label'] ?? label, count, outline.manifest),
    seed,
    ...(values['guidance'] === undefined ? {} : { guidance: number('--guidance', values['guidance']) }),
    options: readChoices(lists['set'] ?? [], optionsSchema(outline)),
    preview: values['steps-strip'] === true ? 'decoded' : 'none',
  };
  readRequest(outline, request);
  await requireWritable(out);
  return { folder, plugins, out, batch, request };
}
