import type { Pixels } from '@tessera/core';
import { decoded, pipelineOf, type Picture } from './open-picture.ts';
import type { ImageSize } from './region.ts';

type Frame = Pick<ImageSize, 'height' | 'width'>;

/**
 * The picture at another size: its shorter edge is scaled, the longer one cut at its centre; gray or RGB. What is
 * transparent lies on white. A picture of this size already keeps its bytes.
 * @throws TesseraError `picture-broken`
 */
export async function fitPicture(
  picture: Picture,
  { height, width, channels }: ImageSize,
  who: string,
): Promise<Pixels> {
  const pipeline = pipelineOf(picture)
    .flatten({ background: '#ffffff' })
    .resize(width, height, { fit: 'cover', kernel: 'lanczos3' });
  const bytes = await decoded(
    channels === 1
      ? pipeline.toColourspace('b-w').raw().toBuffer()
      : pipeline.toColourspace('srgb').removeAlpha().raw().toBuffer(),
    who,
  );
  return { data: Float32Array.from(bytes, (byte) => byte / 255), height, width, channels };
}

/** 1 where the picture, brought to a size in the same way, is not fully opaque. @throws TesseraError `picture-broken` */
export async function transparentPixels(picture: Picture, { height, width }: Frame, who: string): Promise<Uint8Array> {
  if (!picture.alpha) return new Uint8Array(height * width);
  const pipeline = pipelineOf(picture).extractChannel('alpha').resize(width, height, { fit: 'cover' });
  const bytes = await decoded(pipeline.toColourspace('b-w').raw().toBuffer(), who);
  return Uint8Array.from(bytes, (alpha) => (alpha < 255 ? 1 : 0));
}

/**
 * 1 where a mask, brought to a size in the same way but without mixing pixels, is white rather than black; transparent
 * is black. @throws TesseraError `picture-broken`
 */
export async function whitePixels(mask: Picture, { height, width }: Frame, who: string): Promise<Uint8Array> {
  const pipeline = pipelineOf(mask)
    .flatten({ background: '#000000' })
    .resize(width, height, { fit: 'cover', kernel: 'nearest' });
  const bytes = await decoded(pipeline.toColourspace('b-w').raw().toBuffer(), who);
  return Uint8Array.from(bytes, (gray) => (gray >= 128 ? 1 : 0));
}
