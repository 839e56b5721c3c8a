import type { Tensor4D } from '@tensorflow/tfjs';
import type { Pixels } from './contracts.ts';

/** One picture per row of a batch of pixels; disposes the batch. */
export async function pixelsOf(pixels_BHWC: Tensor4D): Promise<readonly Pixels[]> {
  const [batch, height, width, channels] = pixels_BHWC.shape;
  try {
    const data = await pixels_BHWC.data<'float32'>();
    const size = height * width * channels;
    return Array.from({ length: batch }, (_, row) => ({
      data: data.slice(row * size, (row + 1) * size),
      height,
      width,
      channels,
    }));
  } finally {
    pixels_BHWC.dispose();
  }
}
