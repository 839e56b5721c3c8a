import type { Tensor } from '@tensorflow/tfjs';

/** The numbers of a float32 tensor, which is disposed. */
export async function takeNumbers(tensor: Tensor): Promise<Float32Array> {
  const data = await tensor.data<'float32'>();
  tensor.dispose();
  return data;
}
