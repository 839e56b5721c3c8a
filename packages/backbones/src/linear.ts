import type { Tensor } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';

/** A linear layer in PyTorch's layout. */
export interface LinearParams {
  readonly weight_OI: Tensor;
  readonly bias_O: Tensor;
}

/** x [..., I] -> [..., O]. Traceable. */
export function linear<T extends Tensor>(x: T, { weight_OI, bias_O }: LinearParams): T {
  return nn.linear(x, weight_OI, bias_O);
}
