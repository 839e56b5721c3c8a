import { modelOf } from '../api/model-of.ts';
import {
  fetchGeneration,
  fetchModels,
  fetchPicture,
  fetchSteps,
  type Model,
  type StoredGeneration,
} from '../api/operations.ts';
import { givenEdit } from '../mask/given-edit.ts';
import { partAfter, wholePicture, type PicturePart } from '../pictures/picture-part.ts';
import { withText } from './png-text.ts';
import { fileName, KEYWORD, recipeOf, type Recipe } from './recipe.ts';
import type { SaveAnswer, SaveJob } from './save-worker.ts';

/* Files that the page saves. Each call throws an Error whose message can be shown. */

/** A finished picture of a generation. */
interface Saved {
  readonly id: string;
  /** From 0. */
  readonly image: number;
}

/** The PNG with its settings in it: dropped on the page, it restores them. */
export async function savePicture(wanted: Saved): Promise<void> {
  const [file] = await pngFiles([wanted]);
  download(file!.bytes, { name: `${file!.name}.png`, type: 'image/png' });
}

/** Several as one zip file, each with its settings. */
export async function saveAll(wanted: readonly Saved[], name = 'tessera'): Promise<void> {
  const files = numbered(await pngFiles(wanted));
  download(await inWorker({ kind: 'zip', files }), { name: `${name}.zip`, type: 'application/zip' });
}

/** The steps of one image and the image itself, as a GIF in which small pictures are enlarged. */
export async function saveAnimation({ id, image }: Saved): Promise<void> {
  const { generation, model } = await readGeneration(id);
  const final = generation.images[image]?.picture;
  if (!final) throw new Error('This image has not ended yet. Its steps can be saved once it has.');
  const parts = [...(await stepParts(id, image)), wholePicture(final.url)];
  const urls = [...new Set(parts.map(({ url }) => url))];
  const files = await Promise.all(urls.map((url) => fetchPicture(url)));
  const frames = parts.map(({ url, ...part }) => ({ ...part, file: urls.indexOf(url) }));
  const bytes = await inWorker({ kind: 'gif', files, frames });
  download(bytes, { name: `${fileName(recipeOf(generation, image, model))}.gif`, type: 'image/gif' });
}

/** How an image looked after each of its steps; steps without a picture are left out. */
async function stepParts(id: string, image: number): Promise<readonly PicturePart[]> {
  const steps = await fetchSteps(id);
  const parts = steps.flatMap((step) => partAfter([step], image) ?? []);
  if (parts.length > 0) return parts;
  throw new Error('No step of this image has a picture, so there is nothing to animate. Save the image itself.');
}

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Requests of a server that may have a limit to them. */
const AT_ONCE = 8;

async function pngFiles(wanted: readonly Saved[]): Promise<readonly File[]> {
  const known = new Map<string, ReturnType<typeof readGeneration>>();
  const pngOf = async ({ id, image }: Saved): Promise<File> => {
    if (!known.has(id)) known.set(id, readGeneration(id));
    const { generation, model } = await known.get(id)!;
    const picture = generation.images[image]?.picture;
    if (!picture) throw new Error(`Image ${image + 1} of this generation is not finished. Save it once it is.`);
    const recipe = await wholeRecipe(generation, image, model);
    const png = await fetchPicture(picture.url);
    return { name: fileName(recipe), bytes: withText(png, KEYWORD, JSON.stringify(recipe)) };
  };
  const files: File[] = [];
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    files.push(...(await Promise.all(wanted.slice(at, at + AT_ONCE).map(pngOf))));
  }
  return files;
}

/** With what was redrawn, of an edit. */
async function wholeRecipe(generation: StoredGeneration, image: number, model: Model | undefined): Promise<Recipe> {
  const recipe = recipeOf(generation, image, model);
  if (!generation.edit) return recipe;
  if (!model) throw new Error(`The server no longer has the model ${recipe.model}, so its mask cannot be saved.`);
  return { ...recipe, edit: await givenEdit(generation.edit, model) };
}

async function readGeneration(id: string) {
  const [generation, models] = await Promise.all([fetchGeneration(id), fetchModels()]);
  return { generation, model: modelOf(models, generation.modelName, generation) };
}

/** Of equal names, the second and later ones get a number. */
function numbered(files: readonly File[]): readonly File[] {
  const seen = new Map<string, number>();
  return files.map(({ name, bytes }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return { name: times === 1 ? `${name}.png` : `${name}-${times}.png`, bytes };
  });
}

/** Packing and encoding take long: the page stays quick meanwhile. */
function inWorker(job: SaveJob): Promise<Uint8Array> {
  const worker = new Worker(new URL('./save-worker.ts', import.meta.url), { type: 'module' });
  const answer = new Promise<Uint8Array>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<SaveAnswer>) =>
      'bytes' in data ? resolve(data.bytes) : reject(new Error(data.message));
    worker.onerror = ({ message }) => reject(new Error(`The file could not be made: ${message}`));
  });
  worker.postMessage(job);
  return answer.finally(() => worker.terminate());
}

function download(bytes: Uint8Array, { name, type }: { readonly name: string; readonly type: string }): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type }));
  link.download = name;
  link.click();
  // The browser reads it soon after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
