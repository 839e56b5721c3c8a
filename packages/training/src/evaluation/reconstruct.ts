import type { Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange, toPixelRange } from '@tessera/autoencoder';
import { tensorFrom, type Engine } from '@tessera/engine';
import { decodeFeatures, encodeFeatures, quantize, type VqVae } from '@tessera/tokenizer-vq';
import type { ImageSize } from '../data/data-set.ts';

const BATCH = 50;

/** Images in [0, 1] through a tokenizer and back: all that it can show of them. */
export async function reconstructAll(
  engine: Engine,
  model: VqVae,
  { pixels, image }: { pixels: Float32Array; image: ImageSize },
): Promise<Float32Array> {
  const program = engine.compile(
    (image_BHWC: Tensor4D) => {
      const { map_BHWC } = quantize(model.quantizer, encodeFeatures(model, toNetworkRange(image_BHWC)));
      return toPixelRange(decodeFeatures(model, map_BHWC.at(-1)!));
    },
    { name: 'reconstruct', axes: ['B . . .'] },
  );
  const size = image.height * image.width * image.channels;
  const out = new Float32Array(pixels.length);
  for (let start = 0; start < pixels.length; start += BATCH * size) {
    const part = pixels.slice(start, start + BATCH * size);
    const shape = [part.length / size, image.height, image.width, image.channels];
    const image_BHWC = tensorFrom(part, shape) as Tensor4D;
    const made = await program(image_BHWC);
    out.set(await made.data<'float32'>(), start);
    image_BHWC.dispose();
    made.dispose();
  }
  program.dispose();
  return out;
}
