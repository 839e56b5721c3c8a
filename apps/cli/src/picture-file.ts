import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';

/** The bytes of a picture's file. @throws TesseraError `picture-is-folder`, `picture-missing` */
export async function readPictureFile(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const expected = 'a picture: a PNG, JPEG or WebP file';
    if (cause.code === 'EISDIR') {
      const next = 'Name one picture in it.';
      throw new TesseraError({ code: 'picture-is-folder', who: path, got: 'a folder', expected, next, cause });
    }
    const got = cause.code === 'ENOENT' ? 'no file' : `a file that cannot be read (${cause.code})`;
    const next = 'Check the path.';
    throw new TesseraError({ code: 'picture-missing', who: path, got, expected, next, cause });
  });
}
