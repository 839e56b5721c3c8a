import type { Tensor4D } from '@tensorflow/tfjs';
import type { LinearPreview } from '@tessera/autoencoder';
import { tensorFrom } from '@tessera/engine';
import type { DataSet } from '../data/data-set.ts';

const IMAGES = 64;

/** The cheap preview of a tokenizer, fitted on the first training images: as many digits as a reader needs. */
export async function previewOf(
  { train, image }: DataSet,
  fit: (image_BHWC: Tensor4D) => Promise<LinearPreview>,
): Promise<LinearPreview> {
  const count = Math.min(IMAGES, train.count);
  const pixels = await train.read(Int32Array.from({ length: count }, (_, i) => i));
  const image_BHWC = tensorFrom(pixels, [count, image.height, image.width, image.channels]) as Tensor4D;
  const { weight, bias } = await fit(image_BHWC).finally(() => image_BHWC.dispose());
  return { weight: weight.map((row) => row.map(rounded)), bias: bias.map(rounded) };
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
