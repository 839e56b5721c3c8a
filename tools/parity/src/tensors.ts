import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { toChannelsLast } from './axes.ts';
import type { Computed } from './comparison.ts';

/** An image of a case file, [B, C, H, W], as a tensor [B, H, W, C]. */
export function imageTensor(image_BCHW: Computed): Tensor4D {
  const { data, shape } = toChannelsLast(image_BCHW);
  return tensorFrom(data, shape) as Tensor4D;
}

export function floatTensor<T extends Tensor>({ data, shape }: Computed): T {
  return tensorFrom(Float32Array.from(data), shape) as T;
}

export function indexTensor<T extends Tensor>({ data, shape }: Computed): T {
  return tensorFrom(Int32Array.from(data), shape, 'int32') as T;
}
