import { labelOf, type Asked } from '../api/label.ts';
import type { Model, StoredGeneration } from '../api/operations.ts';
import { editAddress } from '../mask/edit-address.ts';
import { readGivenEdit, type GivenEdit } from '../mask/given-edit.ts';

/* What made a picture, as it stands in the saved file, and the address of the Create room that makes it again. */

export const KEYWORD = 'tessera';

/** Of one picture. */
export interface Recipe {
  /** Version of this record. */
  readonly tessera: 1;
  readonly generation: string;
  /** Which picture of the generation, from 0. */
  readonly image: number;
  readonly model: string;
  /** Number of the class; -1 is none. */
  readonly label: number;
  /** What the picture was asked for with, of models without classes. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Name of the class, for people. */
  readonly class: string | null;
  readonly seed: number;
  /** Null where the model's own holds. */
  readonly guidance: number | null;
  /** What is not in it has the model's default. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What of a picture was redrawn; absent where nothing was edited. */
  readonly edit?: GivenEdit;
}

/** `model` names the class, where the server still has it. */
export function recipeOf(generation: StoredGeneration, image: number, model: Model | undefined): Recipe {
  const { id, modelName, guidance, options, images } = generation;
  const { seed } = images[image]!;
  const label = labelOf(images[image]!);
  const name = model?.classes[label]?.name ?? null;
  const input = inputOf(images[image]!);
  return { tessera: 1, generation: id, image, model: modelName, label, ...input, class: name, seed, guidance, options };
}

function inputOf({ condition }: Asked): Pick<Recipe, 'input'> {
  return condition.__typename === 'InputCondition' ? { input: condition.input } : {};
}

/** @throws Error that tells what is wrong with the text, to stand after "cannot be read: " */
export function readRecipe(text: string): Recipe {
  let read: Partial<Record<keyof Recipe, unknown>>;
  try {
    read = JSON.parse(text) as typeof read;
  } catch {
    throw new Error('they are no JSON');
  }
  if (typeof read !== 'object' || read === null) throw new Error('they are no object');
  const { tessera, model, label, input = {}, seed, guidance = null, options = {} } = read;
  if (tessera !== 1) throw new Error(`they are of version ${String(tessera)}, and this page reads version 1`);
  if (typeof model !== 'string') throw new Error('they name no model');
  if (!Number.isSafeInteger(label) || !Number.isSafeInteger(seed)) throw new Error('class or seed is missing');
  if (guidance !== null && typeof guidance !== 'number') throw new Error('guidance is no number');
  if (typeof options !== 'object' || options === null) throw new Error('options are no object');
  if (typeof input !== 'object' || input === null) throw new Error('what the picture shows is no object');
  if (read.edit !== undefined && readGivenEdit(read.edit) === null) throw new Error('their mask makes no sense');
  if (read.edit !== undefined && typeof read.generation !== 'string') throw new Error('their edit names no result');
  return read as Recipe;
}

/** Settings of a new run, as the Create room reads them. */
interface Wanted extends Pick<Recipe, 'model' | 'label' | 'input' | 'seed' | 'guidance' | 'options'> {
  readonly count: number;
}

/** A class is written as `number:7`, which no name can be taken for. */
export function recipeAddress({ model, label, input, seed, count, guidance, options }: Wanted): string {
  const written = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  const entries: [string, string][] = [
    ['model', model],
    ...(input
      ? Object.entries(input).map(([field, value]): [string, string] => [`${model}.input.${field}`, written(value)])
      : ([['label', label === -1 ? 'none' : `number:${label}`]] as [string, string][])),
    ['count', String(count)],
    ['seed', String(seed)],
  ];
  if (guidance !== null) entries.push([`${model}.guidance`, String(guidance)]);
  for (const [name, value] of Object.entries(options)) {
    entries.push([`${model}.options.${name}`, written(value)]);
  }
  return `/?${new URLSearchParams(entries)}`;
}

/** A whole generation again: all of its images, where they show the same and count on from one seed; else the first. */
export function repeatAddress({ id, edit, modelName, images, guidance, options }: StoredGeneration): string {
  // Its settings alone would make something else.
  if (edit) return editAddress(id);
  const first = images[0]!;
  const shows = (image: Asked) => JSON.stringify(image.condition);
  const isRow = images.every((image, i) => image.seed === first.seed + i && shows(image) === shows(first));
  const count = isRow ? images.length : 1;
  const of = { model: modelName, label: labelOf(first), ...inputOf(first) };
  return recipeAddress({ ...of, seed: first.seed, count, guidance, options });
}

/** `digits-var-7-seed43`, with what file systems refuse taken out. */
export function fileName({ model, label, input, class: name, seed }: Recipe): string {
  const said = input && Object.values(input).map(String);
  const words = said
    ?.map((one) => (one.startsWith('data:image/') ? 'picture' : one))
    .join(' ')
    .slice(0, 60);
  const shown = words ?? (label === -1 ? 'no-class' : (name ?? String(label)));
  return `${model}-${shown}-seed${seed}`.replaceAll(/[^\p{L}\p{N}.-]+/gu, '-').slice(0, 120);
}
