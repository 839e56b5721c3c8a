import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import type { Edit } from '@tessera/models';
import { openPicture, prepareEdit, type Picture } from '@tessera/pictures';
import type { EditRequest } from '@tessera/request';
import type { ModelDescription } from './protocol.ts';

export interface EditPlace {
  /** Of the model's images. */
  readonly size: ModelDescription['image'];
  /** For errors. */
  readonly who: string;
  /** The file of a picture by its name in the edit. */
  readonly fileOf: (name: string) => string;
}

/**
 * Reads the picture and the mask of an edit and brings them to the size of a model's images.
 * @throws TesseraError `picture-missing`, and what `openPicture` and `prepareEdit` of @tessera/pictures throw
 */
export async function readEdit(edit: EditRequest, { size, who, fileOf }: EditPlace): Promise<Edit> {
  const { image, mask, ...region } = edit;
  const read = (name: string) => readPicture(fileOf(name), who);
  const pictures = { image: await read(image), ...(mask !== undefined && { mask: await read(mask) }) };
  return prepareEdit({ ...region, ...pictures }, size, who);
}

async function readPicture(path: string, who: string): Promise<Picture> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new TesseraError({
      code: 'picture-missing',
      who,
      got: 'a picture to edit that is no longer there',
      expected: 'its file',
      next: 'Upload it again.',
      cause,
    });
  });
  return openPicture(bytes, who);
}
