import type { Tensor } from '@tensorflow/tfjs';

/** A linear layer in PyTorch's layout. */
export interface LinearParams {
  readonly weight_OI: Tensor;
  readonly bias_O: Tensor;
}
