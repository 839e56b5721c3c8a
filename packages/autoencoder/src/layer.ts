import type { Tensor4D } from '@tensorflow/tfjs';

/** One block of the encoder or decoder: a pure, traceable function under the module path of the official model. */
export interface Layer {
  readonly path: string;
  readonly forward: (x_BHWC: Tensor4D) => Tensor4D;
}

/** Sees each layer's output as it is made. */
export type Tap = (path: string, output_BHWC: Tensor4D) => void;

/** Runs the layers one after the other. */
export function runLayers(layers: readonly Layer[], x_BHWC: Tensor4D, tap?: Tap): Tensor4D {
  return layers.reduce((x, { path, forward }) => {
    const output = forward(x);
    tap?.(path, output);
    return output;
  }, x_BHWC);
}
