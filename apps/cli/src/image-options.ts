import { flag, given, integer, number, text, texts, type Arguments } from '@tessera/command-line';
import type { PictureSize } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import {
  checkRequest,
  findModel,
  optionsSchema,
  outlineModel,
  type ModelManifest,
  type ModelOutline,
  type Plugins,
} from '@tessera/models';
import { readPictures } from '@tessera/pictures';
import {
  chooseClass,
  classOf,
  conditionOfWords,
  readingsOf,
  type Checked,
  type Condition,
  type GenerationRequest,
} from '@tessera/request';
import { modelEngineOptions, modelOption, readSettings, requireWritable, setOption } from './common-options.ts';
import { projectPlugins, sayRemarks } from './project.ts';
import { readPictureFile } from './picture-file.ts';
import type { Terminal } from './terminal.ts';

/** Images of one run at most. */
const MOST_IMAGES = 10_000;

/** Options of every command that generates images; `otherwise` says which classes are drawn without `--label`. */
export const imageOptions = (otherwise: string) =>
  ({
    model: modelOption,
    label: texts({
      value: 'L',
      help: `class: its number, its name, a list 0,1,2, or none; repeatable; number:3 and name:3 where both fit (default: ${otherwise})`,
    }),
    condition: texts({
      value: 'WORDS',
      help: 'of models without classes: what an image is to show, as a text, the file of a picture or a JSON object, or none; repeatable',
    }),
    count: integer({ value: 'N', from: 1, to: MOST_IMAGES, help: 'how many images (default: one for each --label)' }),
    seed: integer({
      value: 'S',
      from: 0,
      to: Number.MAX_SAFE_INTEGER,
      otherwise: 0,
      help: 'seed of the first image; image i has S + i',
    }),
    out: text({
      value: 'DIR',
      required: true,
      help: 'folder for the files (made if missing; files of earlier runs stay)',
    }),
    size: text({
      value: 'WxH',
      help: 'width and height of the images in pixels, 96x64, of models that make other sizes (default: the model’s own)',
    }),
    guidance: number({ value: 'G', help: 'strength of guidance in the model’s own scale (default: the model’s own)' }),
    set: setOption,
    json: flag('print one JSON object'),
    ...modelEngineOptions,
  }) as const;

type ImageValues = Arguments<ReturnType<typeof imageOptions>>['values'];

/** What a command line asks for. */
export interface ImageRun {
  /** Of the model. */
  readonly folder: string;
  /** Of the project, besides Tessera's own. */
  readonly plugins: Plugins;
  /** All images as one request; what is left out takes the model's defaults. */
  readonly request: Checked<GenerationRequest>;
}

interface ImageCommand {
  /** Who refuses: `tessera generate`. */
  readonly who: string;
  /** The classes where no label is given. */
  readonly otherwise: 'each class in turn' | 'no class';
}

/** Reads and checks a command line before any weights are read. */
export async function readImageRun(
  values: ImageValues,
  { who, otherwise }: ImageCommand,
  terminal: Terminal,
): Promise<ImageRun> {
  const { folder } = findModel(values.model);
  const plugins = await projectPlugins(terminal);
  const outline = await outlineModel(folder, plugins);
  sayRemarks(outline, terminal);
  const { manifest } = outline;
  const conditions = conditionsOf(values, { who, otherwise, outline });
  const images = await readPictures(
    conditions.map((condition) => ({ condition })),
    {
      json: outline.facts.condition.input.json,
      who,
      open: async (path) => ({ bytes: await readPictureFile(path), who: path }),
    },
  );
  const request = checkRequest<GenerationRequest>(outline, {
    model: manifest.name,
    images,
    seed: values.seed,
    ...given({ guidance: values.guidance, size: readSize(values.size, who) }),
    options: readSettings(values.set, optionsSchema(outline), who),
  });
  await requireWritable(values.out);
  return { folder, plugins, request };
}

/** `96x64` as a width and a height. @throws TesseraError `option` */
function readSize(words: string | undefined, who: string): PictureSize | undefined {
  if (words === undefined) return undefined;
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(words) ?? [];
  if (width && height) return { width: Number(width), height: Number(height) };
  throw new TesseraError({
    code: 'option',
    who,
    got: `--size ${words.slice(0, 40)}`,
    expected: 'width and height in pixels, as 96x64',
    next: 'Correct --size.',
  });
}

interface Conditions extends ImageCommand {
  readonly outline: ModelOutline;
}

/** What each image is to show. @throws TesseraError `option`, `unknown-label`, `ambiguous-label`, `condition-words` */
function conditionsOf(
  { label, condition: words, count }: Pick<ImageValues, 'label' | 'condition' | 'count'>,
  { who, otherwise, outline: { manifest, facts } }: Conditions,
): readonly Condition[] {
  const { classes, input } = facts.condition;
  const [wrong, right] = classes === null ? ['label', 'condition'] : ['condition', 'label'];
  if ((classes === null ? label : words).length > 0) {
    throw new TesseraError({
      code: 'option',
      who,
      got: `--${wrong}`,
      expected: `--${right}: ${manifest.name} ${classes === null ? 'has no classes' : 'draws classes'}`,
      next: `Say what the images are to show with --${right}.`,
    });
  }
  if (words.length > 0) {
    const named = { who: manifest.name, classes: [], condition: { classes, json: input.json } };
    return spread(
      words.map((one) => conditionOfWords(one, named)),
      { count, who, what: 'conditions' },
    );
  }
  if (label.length > 0) return spread(readLabels(label, manifest), { count, who, what: 'labels' }).map(classOf);
  return labelsWithout(otherwise, manifest, count ?? 1).map(classOf);
}

function labelsWithout(otherwise: ImageCommand['otherwise'], { classes }: ModelManifest, count: number) {
  const turns = otherwise === 'each class in turn' && classes.length > 0;
  return Array.from({ length: count }, (_, image) => (turns ? image % classes.length : -1));
}

/** The classes that `--label` chooses, in the given order. @throws TesseraError `unknown-label`, `ambiguous-label` */
export function readLabels(options: readonly string[], { name, classes }: Pick<ModelManifest, 'name' | 'classes'>) {
  return options.flatMap((option) => readLabel(option, { who: name, classes }));
}

/** A name may hold commas: an option is a list only where the whole of it is no class. */
function readLabel(option: string, named: { readonly who: string; readonly classes: readonly string[] }): number[] {
  const words = option.split(',');
  if (words.length === 1 || option.startsWith('name:')) return [chooseClass(option, named)];
  const whole = readingsOf(option, named.classes);
  if (whole.length === 0) return words.map((word) => chooseClass(word, named));
  const list = words.map((word) => readingsOf(word, named.classes));
  // The names of one class are no list of classes: `tench, Tinca tinca`.
  const isList = list.every((labels) => labels.length === 1) && list.some(([label]) => label !== whole[0]);
  if (!isList) return [chooseClass(option, named)];
  throw new TesseraError({
    code: 'ambiguous-label',
    who: named.who,
    got: `--label ${option}, which is the name of a class and a list of classes`,
    expected: 'one of both',
    next: `Say name:${option} for the class, or --label once for each class of the list.`,
  });
}

/** One for each image: the chosen ones in turn, or one of each where no count is given. @throws TesseraError `option` */
export function spread<T>(
  chosen: readonly T[],
  { count, who, what }: { readonly count: number | undefined; readonly who: string; readonly what: string },
): T[] {
  const images = count ?? chosen.length;
  if (images >= chosen.length) return Array.from({ length: images }, (_, image) => chosen[image % chosen.length]!);
  throw new TesseraError({
    code: 'option',
    who,
    got: `--count ${images} for ${chosen.length} ${what}`,
    expected: `at least ${chosen.length}, an image for each`,
    next: 'Leave --count out for one of each.',
  });
}
