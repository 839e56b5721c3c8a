import type { Tensor4D } from '@tensorflow/tfjs';
import { fitPreview, toNetworkRange, toPixelRange, type LinearPreview } from '@tessera/autoencoder';
import { keyedRng, nn, tensorFrom, type Engine, type Program } from '@tessera/engine';
import { latentSide } from './config.ts';
import { decodeLatent, encodeMoments, latentOf, type KlVae } from './kl-vae.ts';

/** Positions to fit from: many times the unknowns of the linear map. */
const POSITIONS = 1024;
const MOST_IMAGES = 64;
const SEED = 0;

/** A latent map, and the mean colour of the pixels that each of its positions stands for. */
type Pair = Program<[Tensor4D], { readonly latent: Tensor4D; readonly colour: Tensor4D }>;

/**
 * Fits the linear preview on images in [0, 1], [B, H, W, C]: means of their latents to the mean colours that they stand
 * for.
 */
export async function fitPreviewOnImages(engine: Engine, model: KlVae, image_BHWC: Tensor4D): Promise<LinearPreview> {
  const side = latentSide(model.config);
  const pair: Pair = engine.compile(
    (pixels_1HWC: Tensor4D) => ({
      latent: latentOf(encodeMoments(model, toNetworkRange(pixels_1HWC)), null),
      colour: nn.resize(pixels_1HWC, side, side, 'area'),
    }),
    { name: 'kl.fit-preview' },
  );
  const [count, height, width, channels] = image_BHWC.shape;
  const size = height * width * channels;
  const data = await image_BHWC.data<'float32'>();
  const images = (i: number): Tensor4D =>
    tensorFrom(data.slice(i * size, (i + 1) * size), [1, height, width, channels]) as Tensor4D;
  return fitOn(pair, count, images);
}

/** Fits the linear preview without any images: latents of random tokens to the colours that the decoder makes of them. */
export async function fitPreviewOnNoise(engine: Engine, model: KlVae): Promise<LinearPreview> {
  const { z_channels, latentScale } = model.config;
  const side = latentSide(model.config);
  const pair: Pair = engine.compile(
    (latent_1hwz: Tensor4D) => ({
      latent: latent_1hwz,
      colour: nn.resize(toPixelRange(decodeLatent(model, latent_1hwz)), side, side, 'area'),
    }),
    { name: 'kl.fit-preview' },
  );
  const rng = keyedRng([SEED]);
  const latents = (step: number): Tensor4D => {
    const noise = rng.normal({ row: 0, stream: 'preview', step, position: 0 }, side * side * z_channels);
    return tensorFrom(
      noise.map((value) => value / latentScale),
      [1, side, side, z_channels],
    ) as Tensor4D;
  };
  return fitOn(pair, Math.min(MOST_IMAGES, Math.ceil(POSITIONS / side ** 2)), latents);
}

/** One image at a time, so that large images need no more memory. Disposes the program. */
async function fitOn(pair: Pair, count: number, inputs: (i: number) => Tensor4D): Promise<LinearPreview> {
  const latents: number[] = [];
  const colours: number[] = [];
  let positions = 0;
  try {
    for (let i = 0; i < count; i++) {
      const input = inputs(i);
      const { latent, colour } = await pair(input);
      for (const value of await latent.data()) latents.push(value);
      for (const value of await colour.data()) colours.push(value);
      for (const tensor of [input, latent, colour]) tensor.dispose();
      positions += latent.shape[1] * latent.shape[2];
    }
  } finally {
    pair.dispose();
  }
  return fitPreview({
    latent_NC: Float32Array.from(latents),
    pixel_Nc: Float32Array.from(colours),
    count: positions,
  });
}
