import { decoded, openPicture } from './open-picture.ts';

/** No model makes larger images: the shorter edge of a stored picture has at most so many pixels. */
const EDGE = 1024;

/** A picture as it can be stored and shown to anyone. */
export interface StoredPicture {
  readonly png: Buffer;
  readonly height: number;
  readonly width: number;
}

/**
 * Decodes somebody's file and writes its pixels anew as PNG: upright, sRGB of 8 bits, without whatever else the file
 * held (places, names, other formats behind its end). Pixels are exact up to 1024 on the shorter edge, above that the
 * picture is scaled down. Runs on threads of libvips.
 * @throws TesseraError as `openPicture`
 */
export async function keepPicture(bytes: Uint8Array, who: string): Promise<StoredPicture> {
  const picture = await openPicture(bytes, who);
  const pipeline = picture
    .pipeline()
    .pipelineColourspace('srgb')
    .resize(EDGE, EDGE, { fit: 'outside', withoutEnlargement: true })
    .toColourspace('srgb')
    .png();
  const { data, info } = await decoded(pipeline.toBuffer({ resolveWithObject: true }), who);
  return { png: data, height: info.height, width: info.width };
}
