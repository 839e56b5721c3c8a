import { isTesseraError, TesseraError } from '@tessera/errors';
import type { RequestedImage } from '@tessera/request';
import { isPictureText, pictureText, wrongSize, type JsonSchema, type PictureSize } from '@tessera/schema';
import { fitBytes } from './fit-picture.ts';
import { openPicture } from './open-picture.ts';

/** Where the pictures of conditions come from. */
export interface PictureSource {
  /** What the model's condition reads. */
  readonly json: JsonSchema;
  /** Who is named in errors of a picture that came with the request itself. */
  readonly who: string;
  /** The bytes of a picture by its name, and who is named in its errors. */
  readonly open: (name: string) => Promise<{ readonly bytes: Uint8Array; readonly who: string }>;
}

const EMBEDDED = /^data:image\/[a-z+.-]+;base64,/;

/**
 * The images of a request, with the pictures themselves where their conditions name pictures: files of the command line, uploads
 * of the API, data URLs of PNG, JPEG and WebP files. A request that has passed here needs no file any more. What is no picture
 * stays, and the schema of the condition refuses it.
 * @throws TesseraError `picture-size`, and what `open` and `openPicture` throw
 */
export async function readPictures(
  images: readonly RequestedImage[],
  source: PictureSource,
): Promise<readonly RequestedImage[]> {
  const read = new Map<string, Promise<string>>();
  const once = (name: string, size: PictureSize, path: string): Promise<string> => {
    const key = JSON.stringify([name, size]);
    if (!read.has(key)) read.set(key, readOne(name, { size, path, source }));
    return read.get(key)!;
  };
  return Promise.all(
    images.map(async (image) => {
      const { condition } = image;
      if (condition.kind !== 'input') return image;
      const input = await within(condition.input, { json: source.json, path: '', once });
      return { ...image, condition: { ...condition, input } };
    }),
  );
}

interface Within {
  readonly json: JsonSchema;
  readonly path: string;
  readonly once: (name: string, size: PictureSize, path: string) => Promise<string>;
}

/** A value with all pictures that its schema has, at any depth of its objects. */
async function within(value: unknown, { json, path, once }: Within): Promise<unknown> {
  const { picture, properties } = json;
  if (picture && typeof value === 'string' && !isPictureText(value)) return once(value, picture, path);
  if (!properties || typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(async ([name, one]) => {
    const inner = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return [name, inner ? await within(one, { json: inner, path: path ? `${path}.${name}` : name, once }) : one];
  });
  return Object.fromEntries(await Promise.all(entries));
}

interface Wanted {
  readonly size: PictureSize;
  readonly path: string;
  readonly source: PictureSource;
}

/** Errors say where the picture is named. */
async function readOne(name: string, wanted: Wanted): Promise<string> {
  try {
    return await textOf(name, wanted);
  } catch (error) {
    if (!isTesseraError(error) || !error.parts) throw error;
    throw new TesseraError({ ...error.parts, field: wanted.path.split('.'), cause: error });
  }
}

async function textOf(name: string, { size, path, source }: Wanted): Promise<string> {
  const embedded = EMBEDDED.exec(name);
  const { bytes, who } = embedded
    ? { bytes: Buffer.from(name.slice(embedded[0].length), 'base64'), who: source.who }
    : await source.open(name);
  const picture = await openPicture(bytes, who);
  if (picture.width !== size.width || picture.height !== size.height) throw wrongSize(picture, size, { who, path });
  return pictureText({ ...size, data: await fitBytes(picture, size, who) });
}
