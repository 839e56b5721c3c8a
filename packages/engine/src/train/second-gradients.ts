import * as tf from '@tensorflow/tfjs';
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { isDifferentiating } from '../trace/tfjs-internals.ts';

/** Kernels whose gradients in tfjs read the kernel's result; and their inputs. */
const FROM_RESULT = {
  Exp: ['x'],
  Sigmoid: ['x'],
  Tanh: ['x'],
  Softmax: ['logits'],
  Elu: ['x'],
  Pow: ['a', 'b'],
} as const;

/**
 * Makes tfjs' gradients of these kernels differentiable. tfjs saves a copy of the result which its tape does not connect with
 * the inputs, so the gradient of a gradient lacks a term, without an error. Where a gradient is itself
 * differentiated, the result is computed again. Everywhere else nothing changes. `tf.logSoftmax` has a gradient of its own
 * that cannot be replaced: in a loss with gradients inside, write `tf.log(tf.softmax(x))`.
 */
export function repairSecondGradients(): void {
  for (const [kernelName, inputs] of Object.entries(FROM_RESULT)) {
    const { gradFunc, inputsToSave = [] } = tf.getGradient(kernelName);
    tf.registerGradient({
      kernelName,
      inputsToSave: [...inputs],
      outputsToSave: [true],
      gradFunc: (dy, saved, attrs) => {
        const given = saved.slice(0, inputs.length);
        const named: NamedTensorMap = Object.fromEntries(inputs.map((name, i) => [name, given[i]!]));
        const y = isDifferentiating() ? tf.engine().runKernel<Tensor>(kernelName, named, attrs) : saved.at(-1)!;
        return gradFunc(dy, inputsToSave.length > 0 ? [...given, y] : [y], attrs);
      },
    });
  }
}
