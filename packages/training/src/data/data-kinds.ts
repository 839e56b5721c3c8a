import { resolve } from 'node:path';
import { avatarStyles } from '@tessera/avatars';
import { silentProgress } from '@tessera/progress';
import { byKind, fieldsOf, schema, type Field, type FieldType } from '@tessera/schema';
import { augmentFields } from './augment.ts';
import { avatarFields, openAvatars } from './avatars.ts';
import { openCifar10 } from './cifar10.ts';
import type { DataSet, ShowProgress } from './data-set.ts';
import { openIdx, openMnist } from './idx.ts';
import { openImageFolder } from './image-folder.ts';
import { pictureFields, withPictures } from './low-pictures.ts';

const { object, integer, number, string, choice, list, optional, refine } = schema;
const share = number({ min: 0, max: 1 });
const count = integer({ min: 1 });
/** Training images that are held out for validation. */
const heldOut = optional(integer({ min: 0 }), 1000);
/** The most images to train on; 0 for all. Validation and test stay whole. */
const limit = optional(integer({ min: 0 }), 0);
const pairOfFiles = object({ images: string(), labels: string() });

/** A source of images: its section `data` in a recipe, and how to open it. */
interface DataKind<T> {
  readonly fields: Field<T>;
  open(data: T, options: OpenOptions): Promise<DataSet>;
}

interface OpenOptions {
  /** A path of the recipe as one of this process. */
  readonly at: (path: string) => string;
  readonly seed: number;
  /** For data that is drawn or fetched. */
  readonly progress: ShowProgress;
}

function dataKind<T>(fields: Field<T>, open: DataKind<T>['open']): DataKind<T> {
  return { fields, open };
}

/** All sources of images, by `data.kind` of a recipe. A new source is one more entry. */
const dataKinds = {
  mnist: dataKind(
    object({ kind: choice('mnist'), size: count, validation: heldOut, limit, ...augmentFields, ...pictureFields }),
    (data, { seed }) => openMnist({ ...data, seed }),
  ),
  idx: dataKind(
    object({
      kind: choice('idx'),
      train: pairOfFiles,
      test: pairOfFiles,
      size: count,
      validation: heldOut,
      classes: optional(list(string()), []),
      limit,
      ...augmentFields,
      ...pictureFields,
    }),
    ({ train, test, size, validation, classes, limit: most }, { at, seed }) => {
      const pair = (files: typeof train) => ({ images: at(files.images), labels: at(files.labels) });
      return openIdx({
        name: at(train.images),
        train: pair(train),
        test: pair(test),
        size,
        validation,
        limit: most,
        seed,
        ...(classes.length > 0 && { classes }),
      });
    },
  ),
  folder: dataKind(
    object({
      kind: choice('folder'),
      path: string(),
      size: count,
      channels: optional(integer({ min: 1, max: 3 }), 3),
      validation: optional(share, 0.05),
      test: optional(share, 0.05),
      /** What the model's condition is told of an image: fields of its lines in `metadata.jsonl`. */
      input: optional(refine(list(string()), distinct), []),
      limit,
      ...augmentFields,
      ...pictureFields,
    }),
    (data, { at, seed }) =>
      openImageFolder({ ...data, path: at(data.path), channels: data.channels === 1 ? 1 : 3, seed }),
  ),
  avatars: dataKind(
    object({
      kind: choice('avatars'),
      size: optional(integer({ min: 8, max: 512 }), 64),
      /** Images of each style: to train on, to validate, to test. */
      perClass: optional(count, 3000),
      validation: optional(integer({ min: 0 }), 40),
      test: optional(integer({ min: 0 }), 400),
      /** The classes, in the order of their labels. */
      styles: optional(refine(list(choice(...avatarStyles), { min: 1 }), distinct), avatarStyles),
      /** What the model's condition is told of an image: a caption, its style, all its attributes. */
      input: optional(refine(list(choice(...avatarFields)), distinct), []),
      limit,
      ...augmentFields,
      ...pictureFields,
    }),
    (data, { progress }) => openAvatars({ ...data, progress }),
  ),
  cifar10: dataKind(
    object({ kind: choice('cifar10'), validation: heldOut, limit, ...augmentFields, ...pictureFields }),
    (data, { seed, progress }) => openCifar10({ ...data, seed, progress }),
  ),
};

type Kinds = typeof dataKinds;

/** Section `data` of a recipe. Relative paths start at the recipe's folder. */
export type DataRecipe = { [K in keyof Kinds]: FieldType<Kinds[K]['fields']> }[keyof Kinds];

export const dataFields: Field<DataRecipe> = byKind(fieldsOf(dataKinds));

function distinct(names: readonly string[]): string | null {
  return new Set(names).size === names.length ? null : 'each of them once';
}

/** Opens the images of a recipe. Relative paths start at `folder`. @throws TesseraError as the source that is named, and `withPictures` */
export async function openData(
  data: DataRecipe,
  { folder, seed, progress = () => () => silentProgress }: { folder: string; seed: number; progress?: ShowProgress },
): Promise<DataSet> {
  const { open } = dataKinds[data.kind] as DataKind<DataRecipe>;
  const opened = await open(data, { at: (path) => resolve(folder, path), seed, progress });
  const { picture, flips, copies } = data;
  return picture ? withPictures(opened, { ...picture, varied: flips || copies > 0 }) : opened;
}
