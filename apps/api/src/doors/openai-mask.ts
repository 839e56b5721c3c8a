import sharp from 'sharp';
import { TesseraError } from '@tessera/errors';
import { openPicture } from '@tessera/pictures';

/**
 * OpenAI's masks are transparent where the picture is redrawn; ours are white there.
 * @throws TesseraError `mask-opaque`, and as `openPicture`
 */
export async function maskFromAlpha(bytes: Uint8Array): Promise<Uint8Array> {
  const picture = await openPicture(bytes, 'mask');
  if (!picture.alpha) {
    throw new TesseraError({
      code: 'mask-opaque',
      who: 'images',
      got: 'a mask without an alpha channel',
      expected: 'a picture that is transparent where the image is redrawn',
      next: 'Erase these parts of the mask, and save it as PNG.',
      field: ['mask'],
    });
  }
  return sharp(await picture.pipeline().extractChannel('alpha').negate().toColourspace('b-w').png().toBuffer())
    .png()
    .toBuffer();
}
