import * as tf from '@tensorflow/tfjs';
import type { NamedTensorMap, Scalar, Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { traceRng } from '../rng/trace-rng.ts';
import type { Batch, TrainStepSpec } from './spec.ts';

export interface Evaluated {
  readonly loss: Scalar;
  /** In the order of their names, copies of what the loss gave; bool becomes int32. */
  readonly aux: Readonly<NamedTensorMap>;
}

export interface Differentiated extends Evaluated {
  /** In the order of `spec.params`; null where the loss does not depend on the parameter. */
  readonly gradients: readonly (Tensor | null)[];
}

/** Loss and aux. `key` is int32 [2]. */
export function evaluateLoss(spec: TrainStepSpec, batch: Batch, key: Tensor): Evaluated {
  const { loss, aux = {} } = spec.loss(batch, traceRng(key));
  const names = Object.keys(aux).sort();
  const visible = (tensor: Tensor): Tensor => (tensor.dtype === 'bool' ? tf.cast(tensor, 'int32') : tf.clone(tensor));
  return { loss, aux: Object.fromEntries(names.map((name) => [name, visible(aux[name]!)])) };
}

/**
 * Loss, aux and the gradient of every parameter. Differentiation disposes what the loss made, so aux are kept beyond
 * the scope that is open: the caller disposes them.
 * @throws TesseraError `loss-without-parameters`
 */
export function differentiate(spec: TrainStepSpec, batch: Batch, key: Tensor): Differentiated {
  let aux: Readonly<NamedTensorMap> = {};
  const variables = spec.params.map(({ variable }) => variable);
  const { value: loss, grads } = tf.engine().gradients(
    () => {
      const evaluated = evaluateLoss(spec, batch, key);
      aux = evaluated.aux;
      for (const tensor of Object.values(aux)) tf.keep(tensor);
      return evaluated.loss;
    },
    variables,
    undefined,
    true,
  );
  const gradients = (grads as (Tensor | undefined)[]).map((gradient) => gradient ?? null);
  if (gradients.every((gradient) => gradient === null)) {
    tf.dispose(aux as NamedTensorMap);
    throw new TesseraError({
      code: 'loss-without-parameters',
      who: spec.name,
      got: 'a loss that depends on none of the parameters',
      expected: 'a loss computed from the variables of `params`',
    });
  }
  return { loss: loss as Scalar, aux, gradients };
}
