import * as tf from '@tensorflow/tfjs';
import type { NamedTensorMap, Scalar, Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { traceRng } from '../rng/trace-rng.ts';
import { registerEinsum } from '../trace/einsum.ts';
import { repairSecondGradients } from './second-gradients.ts';
import type { Batch, Slots, TrainHyper, TrainStepSpec } from './spec.ts';

repairSecondGradients();
registerEinsum();

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
 * Loss, aux and the gradient of every parameter. Differentiation disposes what the loss made, so aux are kept: the caller
 * disposes them.
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

/** What a step's graph needs of its hyper-parameters: float32 [5], computed in doubles outside the graph. */
export const SCALARS = 5;

/**
 * Factors of AdamW (Loshchilov & Hutter 2019) for step `count` (from 1), as PyTorch computes them. The bias correction
 * of the second moment is moved out of the square root, into step size and eps, which saves a pass over memory.
 */
export function adamwScalars(spec: TrainStepSpec, hyper: TrainHyper, count: number): Float32Array {
  const [beta1, beta2] = spec.betas;
  const correction = Math.sqrt(1 - beta2 ** count);
  const stepSize = (hyper.learningRate * correction) / (1 - beta1 ** count);
  return Float32Array.of(
    1 - hyper.learningRate * hyper.weightDecay,
    stepSize,
    spec.eps * correction,
    hyper.emaDecay,
    1 - hyper.emaDecay,
  );
}

export interface Update {
  readonly spec: TrainStepSpec;
  /** See `adamwScalars`. */
  readonly scalars: Tensor;
  /** What gradients are multiplied by before clipping: one over the number of accumulated batches. */
  readonly share: number | Scalar;
}

interface Updated {
  /** In the order of `spec.params`; null where the loss does not depend on the parameter, which then stays as it is. */
  readonly slots: readonly (Slots<Tensor> | null)[];
  /** Before clipping. */
  readonly gradNorm: Tensor;
}

/** One AdamW step on all parameters, with gradients scaled down where their global norm exceeds `spec.clip`. Pure. */
export function adamw(slots: readonly Slots<Tensor>[], gradients: readonly (Tensor | null)[], update: Update): Updated {
  const { spec, scalars, share } = update;
  const squares = gradients.map((gradient) => gradient && tf.square(gradient));
  const sums = squares.filter((square) => square !== null).map((square) => tf.sum(square));
  const gradNorm = tf.mul(tf.sqrt(tf.addN(sums)), share);
  const scale = spec.clip === null ? share : tf.mul(share, clipFactor(gradNorm, spec.clip));
  const factors = tf.unstack(scalars);
  const next = slots.map((slot, i) => {
    const [gradient, square] = [gradients[i], squares[i]];
    if (!gradient || !square) return null;
    return updateParam(slot, { gradient, square, scale, decays: spec.params[i]!.decay, betas: spec.betas, factors });
  });
  return { slots: next, gradNorm };
}

/** As torch.nn.utils.clip_grad_norm_: at most one. */
function clipFactor(norm: Tensor, limit: number): Tensor {
  return tf.minimum(tf.div(limit, tf.add(norm, 1e-6)), 1);
}

interface ParamUpdate {
  readonly gradient: Tensor;
  readonly square: Tensor;
  readonly scale: number | Tensor;
  readonly decays: boolean;
  readonly betas: readonly [number, number];
  readonly factors: readonly Tensor[];
}

/** Algorithm 2 of the paper. The gradient's scale is part of the moments' factors, which saves a pass over the parameter. */
function updateParam({ param, m, v, ema }: Slots<Tensor>, update: ParamUpdate): Slots<Tensor> {
  const { gradient, square, scale, decays, betas, factors } = update;
  const [keep, stepSize, eps, emaOld, emaNew] = factors as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const [beta1, beta2] = betas;
  const nextM = tf.add(tf.mul(m, beta1), tf.mul(gradient, tf.mul(scale, 1 - beta1)));
  const nextV = tf.add(tf.mul(v, beta2), tf.mul(square, tf.mul(tf.mul(scale, scale), 1 - beta2)));
  const direction = tf.div(nextM, tf.add(tf.sqrt(nextV), eps));
  const next = tf.sub(decays ? tf.mul(param, keep) : param, tf.mul(direction, stepSize));
  const average = ema && tf.add(tf.mul(ema, emaOld), tf.mul(next, emaNew));
  return { param: next, m: nextM, v: nextV, ...(average && { ema: average }) };
}
