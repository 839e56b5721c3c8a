import { fetchGeneration, type StoredGeneration } from '../api/operations.ts';

/** A picture that is edited. */
export interface Base {
  /** Under which its draft is kept: `ID/N` of an image of a generation, `own` of the person's own picture. */
  readonly key: string;
  readonly bitmap: ImageBitmap;
  /** Of an image of a generation: what the API calls it, and how it was made. */
  readonly made: Made | null;
  /** The file: the browser keeps it, also where the server does not. */
  readonly blob: Blob;
}

interface Made {
  readonly id: string;
  readonly image: number;
  readonly picture: string;
  readonly model: string;
  /** -1 is no class. */
  readonly label: number;
}

export const OWN = 'own';

/** Pictures of cameras are shrunk at once: the models see far fewer pixels. */
const MOST_SIDE = 1024;

/** What an address asks for: `/edit/ID?image=N`. Null of an address that says something else, with a sentence. */
export function imageAsked(search: string): number | { readonly refused: string } {
  const word = new URLSearchParams(search).get('image') ?? '0';
  if (/^\d{1,4}$/.test(word)) return Number(word);
  const refused = `The address asks for the image “${word.slice(0, 40)}”, which is no number: here is the first one, image=0.`;
  return { refused };
}

export function keyOf(id: string, image: number): string {
  return `${id}/${image}`;
}

/** A finished image of a generation. Throws an Error whose message can be shown. */
export async function loadMade(id: string, image: number): Promise<Base> {
  const generation = await fetchGeneration(id);
  const one = imageOf(generation, image);
  const response = await fetch(one.picture.url);
  if (!response.ok)
    throw new Error('The server did not send this picture: it may have been deleted. Choose another one.');
  const label = one.condition.__typename === 'ClassCondition' ? one.condition.label : -1;
  const made = { id, image, picture: one.picture.id, model: generation.modelName, label };
  const blob = await response.blob();
  return { key: keyOf(id, image), bitmap: await createImageBitmap(blob), made, blob };
}

function imageOf({ images, state }: StoredGeneration, image: number) {
  const one = images[image];
  if (!one) {
    const numbers = images.length === 1 ? 'image=0' : `image=0 to image=${images.length - 1}`;
    throw new Error(`The address asks for image=${image}, and this generation has ${numbers}. Correct the address.`);
  }
  if (one.picture) return { ...one, picture: one.picture };
  const why = state === 'FAILED' || state === 'CANCELED' ? 'ended without images' : 'is not finished yet';
  throw new Error(`This generation ${why}, so there is nothing to edit. Choose another picture.`);
}

/** A picture of the person's own. Throws an Error whose message can be shown. */
export async function openOwn(file: Blob, key = OWN): Promise<Base> {
  const bitmap = await createImageBitmap(file).catch(() => {
    const got = file.type.startsWith('image/') ? `This ${file.type.slice(6).toUpperCase()} file` : 'This file';
    throw new Error(`${got} cannot be read as a picture. Choose a PNG, JPEG or WebP file.`);
  });
  const { width, height } = bitmap;
  if (Math.min(width, height) <= MOST_SIDE) return { key, bitmap, made: null, blob: file };
  const scale = MOST_SIDE / Math.min(width, height);
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.round(width * scale),
    resizeHeight: Math.round(height * scale),
    resizeQuality: 'high',
  });
  bitmap.close();
  return { key, bitmap: small, made: null, blob: await encoded(small) };
}

async function encoded(bitmap: ImageBitmap): Promise<Blob> {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext('2d')!.drawImage(bitmap, 0, 0);
  return canvas.convertToBlob();
}
