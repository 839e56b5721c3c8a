import type { Tensor } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';

/** A linear layer in PyTorch's layout. */
export interface LinearParams {
  readonly weight_OI: Tensor;
  readonly bias_O: Tensor;
}

/** x [..., I] -> [..., O]. Heads have the same as `affine` in head-kit, which backbones do not depend on. Traceable. */
export function linear<T extends Tensor>(x: T, { weight_OI, bias_O }: LinearParams): T {
  return nn.linear(x, weight_OI, bias_O);
}
