import * as tf from '@tensorflow/tfjs';
import type { KernelConfig, Tensor, TensorInfo } from '@tensorflow/tfjs';

type Pads = readonly (readonly [before: number, after: number])[];
type Attrs = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, TensorInfo>>;
type Kernel = (inputs: Inputs, attrs: Attrs) => Tensor;

/**
 * What tfjs-node-gpu 4.22 refuses though its operators can: convolutions with explicit pads, axes from the end. And
 * TensorFlow's Elu, which takes 1 from exp(x): nothing is left of small numbers.
 */
export function mendKernels(backend: string): void {
  const mended: Readonly<Record<string, (original: Kernel, inputs: Inputs, attrs: Attrs) => Tensor>> = {
    Conv2D: (original, { x, filter }, attrs) => original({ x: padded(x!, attrs), filter: filter! }, valid(attrs)),
    Conv2DBackpropFilter: (original, { x, dy }, attrs) => original({ x: padded(x!, attrs), dy: dy! }, valid(attrs)),
    Conv2DBackpropInput: (original, inputs, attrs) => {
      const [pads, shape] = [padsOf(attrs['pad']), attrs['inputShape'] as readonly number[]];
      const inputShape = shape.map((size, axis) => pads[axis]![0] + size + pads[axis]![1]);
      const start = pads.map(([before]) => before);
      return tf.slice(original(inputs, { ...valid(attrs), inputShape }), start, [...shape]);
    },
    Elu: (_, { x }) => {
      const least = tf.minimum(x as Tensor, 0);
      return tf.where(tf.greater(x as Tensor, 0), x as Tensor, tf.expm1(least));
    },
    GatherV2: (original, inputs, attrs) => {
      const axis = (attrs['axis'] as number) + inputs['x']!.shape.length;
      return original(inputs, { ...attrs, axis });
    },
  };
  for (const [name, mend] of Object.entries(mended)) {
    const config = tf.getKernel(name, backend);
    tf.unregisterKernel(name, backend);
    tf.registerKernel(withMend(config, mend));
  }
}

function withMend(
  config: KernelConfig,
  mend: (original: Kernel, inputs: Inputs, attrs: Attrs) => Tensor,
): KernelConfig {
  const kernelFunc: KernelConfig['kernelFunc'] = (args) => {
    const attrs = (args.attrs ?? {}) as Attrs;
    const run: Kernel = (inputs, given) => config.kernelFunc({ ...args, inputs, attrs: given } as never) as Tensor;
    if (typeof attrs['pad'] === 'string' || (attrs['axis'] as number) >= 0) return config.kernelFunc(args);
    return tf.tidy(() => mend(run, args.inputs as Inputs, attrs));
  };
  return { ...config, kernelFunc };
}

function padded(x: TensorInfo, { pad }: Attrs): Tensor {
  return tf.pad(
    x as Tensor,
    padsOf(pad).map(([before, after]) => [before, after]),
  );
}

function valid(attrs: Attrs): Attrs {
  return { ...attrs, pad: 'valid' };
}

/** One pair for each axis of NHWC; a number pads height and width. */
function padsOf(pad: unknown): Pads {
  if (typeof pad !== 'number') return pad as Pads;
  return [[0, 0], [pad, pad], [pad, pad], [0, 0]]; // prettier-ignore
}
