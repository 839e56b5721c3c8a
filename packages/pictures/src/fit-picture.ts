import type { Pixels } from '@tessera/core';
import { decoded, type Picture } from './open-picture.ts';

export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

type Frame = Pick<ImageSize, 'height' | 'width'>;

/**
 * The picture as a model of this size sees it, as bytes `[height, width, channels]`: upright, sRGB by its own colour
 * profile, what is transparent on white, 16 bits by their upper 8. Its shorter edge is scaled by Lanczos' kernel of three
 * lobes on encoded values, the longer one cut at its centre; one of this size already keeps its bytes.
 * @throws TesseraError `picture-broken`
 */
export async function fitBytes(picture: Picture, size: ImageSize, who: string): Promise<Uint8Array> {
  const rgb = await rgbBytes(picture, { background: '#ffffff', kernel: 'lanczos3' }, { ...size, who });
  return size.channels === 1 ? luminance(rgb) : rgb;
}

/** `fitBytes` with values from 0 to 1. @throws TesseraError `picture-broken` */
export async function fitPicture(picture: Picture, size: ImageSize, who: string): Promise<Pixels> {
  const { height, width, channels } = size;
  return {
    data: Float32Array.from(await fitBytes(picture, size, who), (byte) => byte / 255),
    height,
    width,
    channels,
  };
}

/** 1 where the picture, brought to a size in the same way, is not fully opaque. @throws TesseraError `picture-broken` */
export async function transparentPixels(picture: Picture, { height, width }: Frame, who: string): Promise<Uint8Array> {
  if (!picture.alpha) return new Uint8Array(height * width);
  const pipeline = picture.pipeline().extractChannel('alpha').resize(width, height, { fit: 'cover' });
  const bytes = await decoded(pipeline.toColourspace('b-w').raw().toBuffer(), who);
  return Uint8Array.from(bytes, (alpha) => (alpha < 255 ? 1 : 0));
}

/**
 * 1 where a mask, brought to a size in the same way but without mixing pixels, is white rather than black; transparent
 * is black. @throws TesseraError `picture-broken`
 */
export async function whitePixels(mask: Picture, { height, width }: Frame, who: string): Promise<Uint8Array> {
  const rgb = await rgbBytes(mask, { background: '#000000', kernel: 'nearest' }, { height, width, who });
  return luminance(rgb).map((gray) => (gray >= 128 ? 1 : 0));
}

interface Manner {
  /** The background of transparent pixels. */
  readonly background: string;
  readonly kernel: 'lanczos3' | 'nearest';
}

function rgbBytes(
  picture: Picture,
  { background, kernel }: Manner,
  { height, width, who }: Frame & { readonly who: string },
): Promise<Uint8Array> {
  const pipeline = picture
    .pipeline()
    // At the beginning: a JPEG that is shrunk while it is decoded differs from the same picture as PNG.
    .pipelineColourspace('srgb')
    .flatten({ background })
    .resize(width, height, { fit: 'cover', kernel })
    .toColourspace('srgb')
    .removeAlpha();
  return decoded(pipeline.raw().toBuffer(), who);
}

/**
 * Luma of RGB bytes (ITU-R BT.601, on encoded values), in the fixed point of Pillow's `convert('L')`, which equals
 * OpenCV's: gray models from Python expect these values.
 */
function luminance(rgb: Uint8Array): Uint8Array {
  const gray = new Uint8Array(rgb.length / 3);
  for (let pixel = 0; pixel < gray.length; pixel++) {
    const [red, green, blue] = [rgb[3 * pixel]!, rgb[3 * pixel + 1]!, rgb[3 * pixel + 2]!];
    gray[pixel] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
  }
  return gray;
}
