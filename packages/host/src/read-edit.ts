import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import type { Edit } from '@tessera/models';
import { openPicture, prepareEdit, type Picture } from '@tessera/pictures';
import type { HostEdit, ModelDescription } from './events.ts';

/**
 * Reads the picture and the mask of an edit and brings them to the size of a model's images.
 * @throws TesseraError `picture-missing`, and what `openPicture` and `prepareEdit` of @tessera/pictures throw
 */
export async function readEdit(edit: HostEdit, size: ModelDescription['image'], who: string): Promise<Edit> {
  const { image, mask, ...region } = edit;
  const wish = { image: await read(image, who), ...region, ...(mask !== undefined && { mask: await read(mask, who) }) };
  return prepareEdit(wish, size, who);
}

async function read(path: string, who: string): Promise<Picture> {
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
