import { readFile } from 'node:fs/promises';
import { isSha256 } from '@tessera/blobs';
import { isTesseraError, TesseraError } from '@tessera/errors';
import type { ModelDescription } from '@tessera/host';
import { readPictures } from '@tessera/pictures';
import type { GenerationRequest } from '@tessera/request';
import type { Owner, PictureRecords } from '@tessera/store';
import { unknownPicture } from './unknown-picture.ts';

/** Characters of all conditions of a request, at most: 4 MiB. */
const MOST = 2 ** 22;

interface Pictures {
  readonly model: ModelDescription | undefined;
  readonly pictures: Pick<PictureRecords, 'editable'>;
  /** The file of a stored picture. */
  readonly fileOf: (sha256: string) => Promise<string | null>;
}

/**
 * A request with the pixels of the pictures that its conditions name: uploads and finished images of the owner's tenant, and data
 * URLs. What is stored then needs no upload, and may be run by any worker.
 * @throws TesseraError `unknown-picture`, `picture-size`, `picture-too-large`, and those of a file that is no picture
 */
export async function withPictures(
  owner: Owner,
  request: GenerationRequest,
  { model, pictures, fileOf }: Pictures,
): Promise<GenerationRequest> {
  // That there is no such model is said by its check.
  if (!model || model.condition.classes !== null) return request;
  const who = 'createGeneration';
  const open = async (id: string) => {
    // PostgreSQL takes no text with a zero in it.
    const own = isSha256(id) && (await pictures.editable([id], owner.tenant)).has(id);
    const file = own ? await fileOf(id) : null;
    if (file === null) throw unknownPicture(id, []);
    return { bytes: await readFile(file), who };
  };
  try {
    const images = await readPictures(request.images, { json: model.condition.json, who, open });
    const length = JSON.stringify(images).length;
    if (length <= MOST) return { ...request, images };
    throw new TesseraError({
      code: 'picture-too-large',
      who,
      got: `conditions of ${length} characters in ${images.length} images`,
      expected: `at most ${MOST}`,
      next: 'Ask for fewer images at once.',
      field: [],
    });
  } catch (error) {
    if (!isTesseraError(error) || !error.parts?.field) throw error;
    const field = ['input', 'images', 'condition', 'input', ...error.parts.field];
    throw new TesseraError({ ...error.parts, field, cause: error });
  }
}
