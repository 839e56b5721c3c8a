import type { Tensor4D } from '@tensorflow/tfjs';
import { fitPreview, type LinearPreview } from '@tessera/autoencoder';
import { nn, tensorFrom, type Engine } from '@tessera/engine';
import type { DataSet } from '../data/data-set.ts';

const IMAGES = 64;

/** The latent map of images in [0, 1] that a preview starts from. `mapOf` is pure and traceable. */
export interface PreviewMap {
  readonly height: number;
  readonly width: number;
  mapOf(image_BHWC: Tensor4D): Tensor4D;
}

/** Fits the cheap preview of a tokenizer on training images: latents to the mean colour that they stand for. */
export async function previewOf(
  engine: Engine,
  { train, image }: DataSet,
  { height, width, mapOf }: PreviewMap,
): Promise<LinearPreview> {
  const program = engine.compile(
    (image_BHWC: Tensor4D) => ({
      map_BhwC: mapOf(image_BHWC),
      colour_Bhwc: nn.resize(image_BHWC, height, width, 'area'),
    }),
    { name: 'preview-fit' },
  );
  const count = Math.min(IMAGES, train.count);
  const pixels = await train.read(Int32Array.from({ length: count }, (_, i) => i));
  const image_BHWC = tensorFrom(pixels, [count, image.height, image.width, image.channels]) as Tensor4D;
  const { map_BhwC, colour_Bhwc } = await program(image_BHWC);
  const fitted = fitPreview({
    latent_NC: await map_BhwC.data<'float32'>(),
    pixel_Nc: await colour_Bhwc.data<'float32'>(),
    count: count * height * width,
  });
  for (const tensor of [image_BHWC, map_BhwC, colour_Bhwc]) tensor.dispose();
  program.dispose();
  return rounded(fitted);
}

/** A preview needs no more digits than a reader of `model.json` does. */
function rounded({ weight, bias }: LinearPreview): LinearPreview {
  const round = (value: number): number => Number(value.toPrecision(5));
  return { weight: weight.map((row) => row.map(round)), bias: bias.map(round) };
}
