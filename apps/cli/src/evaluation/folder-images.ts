import { readFile } from 'node:fs/promises';
import { TesseraError } from '@tessera/errors';
import { byteSource, bytesPerImage, type ImageSource } from '@tessera/evaluation';
import type { ImageSize } from '@tessera/features';
import { fitBytes, openOwnPicture } from '@tessera/pictures';
import { findImages } from '@tessera/training';

/** Images of a folder, and the names of its sub-folders, which are classes. */
export interface FolderImages extends ImageSource {
  readonly classes: readonly string[];
}

interface FolderOptions {
  /** The size of the reference; null where the pictures decide. */
  readonly image: ImageSize | null;
  /** Channels where the pictures decide the size: 1 or 3. */
  readonly channels: number;
  /** Whether pictures of other sizes are scaled. */
  readonly scale: boolean;
}

/**
 * Decodes the pictures of a folder. All must have one size, since scaling moves every figure: only `scale` brings them to
 * another, as training does.
 * @throws TesseraError `images-sizes`, `too-few-images`, and those of `findImages` and `openOwnPicture`
 */
export async function openFolderImages(path: string, { image, channels, scale }: FolderOptions): Promise<FolderImages> {
  const { classes, files } = await findImages(path);
  if (files.length === 0) {
    throw new TesseraError({ code: 'too-few-images', who: path, got: 'no pictures', expected: 'a folder of pictures' });
  }
  const first = await openPicture(files[0]!.path);
  const size = image ?? { height: first.height, width: first.width, channels };
  const pixels = new Uint8Array(files.length * bytesPerImage(size));
  for (const [n, file] of files.entries()) {
    const picture = await openPicture(file.path);
    if (!scale && (picture.height !== size.height || picture.width !== size.width)) {
      throw new TesseraError({
        code: 'images-sizes',
        who: file.path,
        got: `a picture of ${picture.width} x ${picture.height} pixels`,
        expected: `${size.width} x ${size.height}, as ${image ? 'the images that it is compared with' : files[0]!.path}`,
        next: 'Remove it, or scale all pictures with --size.',
      });
    }
    pixels.set(await fitBytes(picture, size, file.path), n * bytesPerImage(size));
  }
  const label_N = Int32Array.from(files, ({ label }) => label);
  const labelled = classes.length > 0 && label_N.every((label) => label >= 0);
  return { classes, ...byteSource({ name: path, image: size, label_N: labelled ? label_N : null, pixels }) };
}

async function openPicture(path: string) {
  return openOwnPicture(await readFile(path), path);
}
