import type { Tensor } from '@tensorflow/tfjs';

/** The numbers of a float32 tensor, which is disposed, also when they cannot be read. */
export async function takeNumbers(tensor: Tensor): Promise<Float32Array> {
  try {
    return await tensor.data<'float32'>();
  } finally {
    tensor.dispose();
  }
}
