import * as tf from '@tensorflow/tfjs';
import { fitPreview, type LinearPreview } from '@tessera/autoencoder';
import { classOf, nextScaleOrder, type Tokens } from '@tessera/core';
import { keyedRng, tensorFrom, type SampleRng } from '@tessera/engine';
import type { VqTokenizer } from '@tessera/tokenizer-vq';

/** Positions to fit from: many times the number of unknowns of the map. */
const positions = 1024;
const most = 64;
const seed = 0;

/**
 * Fits the linear preview of a tokenizer without pictures: decodes random codes, and fits a linear map from each position
 * of the latent map to the mean colour of its pixels.
 */
export async function fitPreviewFromCodes(tokenizer: VqTokenizer): Promise<LinearPreview> {
  const { height, width } = tokenizer.layout.scales.at(-1)!;
  const count = Math.min(most, Math.ceil(positions / (height * width)));
  const rng = keyedRng([seed]);
  const codebook_VC = (await tokenizer.model.quantizer.codebook_VC.data()) as Float32Array;
  const latents: Float32Array[] = [];
  const pixels: Float32Array[] = [];
  for (let image = 0; image < count; image++) {
    const { latent_NC, pixel_Nc } = await decodeRandom(tokenizer, { codebook_VC, rng, image });
    latents.push(latent_NC);
    pixels.push(pixel_Nc);
  }
  return fitPreview({ latent_NC: join(latents), pixel_Nc: join(pixels), count: count * height * width });
}

interface Draw {
  readonly codebook_VC: Float32Array;
  readonly rng: SampleRng;
  readonly image: number;
}

async function decodeRandom(
  tokenizer: VqTokenizer,
  { codebook_VC, rng, image }: Draw,
): Promise<{ readonly latent_NC: Float32Array; readonly pixel_Nc: Float32Array }> {
  const rows = [{ seed, condition: classOf(-1) }];
  const canvas = tokenizer.openCanvas(rows, null, 'estimate');
  const plan = nextScaleOrder.build({}).open(tokenizer.layout, { rows, rng, kept: null, options: {} });
  try {
    for (const step of plan.steps()) {
      const l = step.positions_Bl.length;
      const draws = rng.uniform({ row: 0, stream: `preview.${image}`, step: step.index, position: 0 }, l);
      const tokens = tokensAt(draws, codebook_VC, tokenizer.space.channels);
      await canvas.write(step, tokens);
      tokens.values_BlC.dispose();
    }
    const latent_NC = (await canvas.map_BHWC!.data()) as Float32Array;
    return { latent_NC: latent_NC.slice(), pixel_Nc: await meanColours(tokenizer, await canvas.render(0)) };
  } finally {
    plan.dispose();
    canvas.dispose();
  }
}

/** The codebook entry for each number in (0, 1). */
function tokensAt(draws: Float32Array, codebook_VC: Float32Array, channels: number): Tokens {
  const vocabulary = codebook_VC.length / channels;
  const values = new Float32Array(draws.length * channels);
  for (const [position, draw] of draws.entries()) {
    const code = Math.min(vocabulary - 1, Math.floor(draw * vocabulary));
    values.set(codebook_VC.subarray(code * channels, (code + 1) * channels), position * channels);
  }
  return { values_BlC: tensorFrom(values, [1, draws.length, channels]) as tf.Tensor3D };
}

interface Picture {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The mean colour of the pixels under each position of the latent map. */
function meanColours(tokenizer: VqTokenizer, { data, height, width, channels }: Picture): Float32Array {
  const map = tokenizer.layout.scales.at(-1)!;
  const side = height / map.height;
  const means = new Float32Array(map.height * map.width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const position = Math.floor(y / side) * map.width + Math.floor(x / side);
      for (let c = 0; c < channels; c++) {
        means[position * channels + c]! += data[(y * width + x) * channels + c]! / (side * side);
      }
    }
  }
  return means;
}

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
