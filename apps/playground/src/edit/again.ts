import { labelOf } from '../api/label.ts';
import { modelOf } from '../api/model-of.ts';
import { fetchGeneration, fetchPicture, type Model } from '../api/operations.ts';
import { saidOf } from '../runs/explain.ts';
import type { Handed } from '../save/handed-file.ts';
import type { Recipe } from '../save/recipe.ts';
import { isOptionValue, type OptionValue, type OwnSettings } from '../settings/options.tsx';
import { ownSettings } from '../settings/settings.ts';
import { askedSize } from '../settings/sizes.ts';
import { openOwn, type Base } from './base.ts';
import { readDraft, type Draft } from './draft.ts';
import { givenEdit, operationsOf, type GivenEdit } from '../mask/given-edit.ts';

/* An edit that was made before, here or elsewhere: `/edit?again=ID` opens its picture with its mask and its settings. */

interface Again {
  readonly base: Base;
  readonly draft: Draft;
  /** What could not be had, where something else is shown. */
  readonly told: string | null;
}

const MOST_VARIANTS = 16;

function keyOfAgain(id: string): string {
  return `again/${id}`;
}

/**
 * As the server has it; else as the browser or the file that was dropped has it. Throws an Error whose message can be
 * shown.
 */
export async function openAgain(id: string, models: readonly Model[], handed: Handed | null): Promise<Again> {
  const key = keyOfAgain(id);
  const draft = await readDraft(key);
  try {
    return await openStored(id, models, { draft, handed });
  } catch (error) {
    const said = saidOf(error as Error);
    const recipe = handed?.recipe;
    if (recipe?.edit) {
      const told = `${said} Here is the edited picture itself, with the mask that its file holds.`;
      const base = await openOwn(handed!.file, key);
      return { base, draft: draftOfFile(recipe, { edit: recipe.edit, bitmap: base.bitmap, models }), told };
    }
    if (!draft?.blob) throw error;
    const told = `${said} This browser has kept the picture, so you can go on.`;
    return { base: await openOwn(draft.blob, key), draft, told };
  }
}

interface Known {
  readonly draft: Draft | null;
  readonly handed: Handed | null;
}

async function openStored(id: string, models: readonly Model[], { draft, handed }: Known): Promise<Again> {
  const generation = await fetchGeneration(id);
  const { edit, modelName, images, guidance, options, seed, size } = generation;
  if (!edit) throw new Error('This result is no edit: open it with “Change settings” in Create, or edit its picture.');
  const model = models.find(({ name }) => name === modelName);
  if (!model) throw new Error(`The server no longer has the model ${modelName}, which made this edit.`);
  const labels = images.map(labelOf);
  const blob = new Blob([new Uint8Array(await fetchPicture(edit.image.url))]);
  const bitmap = await createImageBitmap(blob);
  const made = { id, image: 0, picture: edit.image.id, model: model.name, label: labels[0]! };
  const base: Base = { key: keyOfAgain(id), bitmap, made, blob };
  // Nothing that was done here is lost.
  if (draft && !handed) return { base, draft, told: null };
  const given = await givenEdit(edit, modelOf(models, modelName, generation)!);
  const settings = {
    model: model.name,
    label: labels[0]!,
    count: Math.min(MOST_VARIANTS, images.length),
    seed,
    own: {
      [model.name]: { ...ownOf(model, guidance, options), ...(size && { size: `${size.width}x${size.height}` }) },
    },
    ...(handed?.recipe && { label: handed.recipe.label, count: 1, seed: handed.recipe.seed }),
  };
  const told = labels.some((label) => label !== labels[0])
    ? 'This edit has images of several classes. Here is the class of the first one.'
    : null;
  const operations = operationsOf(given);
  const variants = { id, place: given.place };
  return { base, told, draft: { history: { operations, done: operations.length }, settings, made: [variants], blob } };
}

/** What is not in it has the model's own values. */
function ownOf(model: Model, guidance: number | null, options: object): OwnSettings {
  const own = ownSettings({ own: {} }, model);
  const chosen = Object.entries(options).filter((entry): entry is [string, OptionValue] => isOptionValue(entry[1]));
  return {
    guidance: own.guidance === null ? null : (guidance ?? own.guidance),
    options: { ...own.options, ...Object.fromEntries(chosen) },
  };
}

/** What the file alone tells. */
interface InFile extends Pick<Base, 'bitmap'> {
  readonly edit: GivenEdit;
  readonly models: readonly Model[];
}

function draftOfFile(recipe: Recipe, { edit, bitmap, models }: InFile): Draft {
  const operations = operationsOf(edit);
  const model = models.find(({ name }) => name === recipe.model);
  if (!model) throw new Error(`The server does not have the model ${recipe.model}, which made this edit.`);
  const text = `${bitmap.width}x${bitmap.height}`;
  const size = askedSize(text, model) && { size: text };
  const own = { [model.name]: { ...ownOf(model, recipe.guidance, recipe.options), ...size } };
  const settings = { model: model.name, label: recipe.label, count: 1, seed: recipe.seed, own };
  return { history: { operations, done: operations.length }, settings, made: [], blob: null };
}
