import type { Tensor, Tensor3D } from '@tensorflow/tfjs';
import type { Row } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';

/** The numbers of a float32 tensor, which is disposed, also when they cannot be read. */
export async function takeNumbers(tensor: Tensor): Promise<Float32Array> {
  try {
    return await tensor.data<'float32'>();
  } finally {
    tensor.dispose();
  }
}

/** Numbers of the tokens of a step, image after image, as a tensor [B, l, channels]. */
export function tokensFrom(values_BlC: Float32Array, rows: readonly Row[], channels: number): Tensor3D {
  return tensorFrom(values_BlC, [rows.length, values_BlC.length / rows.length / channels, channels]) as Tensor3D;
}
