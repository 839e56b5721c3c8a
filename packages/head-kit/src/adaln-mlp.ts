import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs';
import type { Init, Weights } from '@tessera/core';
import { nn } from '@tessera/engine';

/*
 * The denoising MLP of MAR (arXiv 2406.11838, section 4.1): residual blocks whose layer normalisations are modulated by a
 * condition (AdaLN; Peebles & Xie 2023, arXiv 2212.09748, section 3.2). Tensors may have any number of leading axes.
 */

const NORM_EPS = 1e-6;

/** A linear layer, or scale and shift of a normalisation: weight [out, in] or [out], bias [out]. */
export interface Affine {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

export interface AdaLNMlpParams {
  readonly input: Affine;
  readonly blocks: readonly {
    readonly norm: Affine;
    readonly inner: Affine;
    readonly outer: Affine;
    /** [3 W, W]: makes shift, scale and gate, in this order. */
    readonly modulation: Affine;
  }[];
  readonly final: {
    readonly linear: Affine;
    /** [2 W, W]: makes shift and scale. */
    readonly modulation: Affine;
  };
}

export interface AdaLNMlpDims {
  readonly blocks: number;
  /** W. */
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** x [..., inputs] under a condition [..., W] -> [..., outputs]. Traceable. */
export function runAdaLNMlp<T extends Tensor>({ input, blocks, final }: AdaLNMlpParams, x: T, condition: T): T {
  const active = nn.silu(condition);
  let hidden = affine(x, input);
  for (const { norm, modulation, inner, outer } of blocks) {
    const [shift, scale, gate] = modulations(active, modulation, [0, 1, 0]);
    const seen = tf.add<T>(tf.mul(nn.layerNorm(hidden, NORM_EPS, norm.weight, norm.bias), scale!), shift!);
    hidden = tf.add(hidden, tf.mul(gate!, affine(nn.silu(affine(seen, inner)), outer)));
  }
  const [shift, scale] = modulations(active, final.modulation, [0, 1]);
  return affine(tf.add<T>(tf.mul(nn.layerNorm(hidden, NORM_EPS), scale!), shift!), final.linear);
}

/**
 * AdaLN's scales and shifts (those of VAR's blocks: `modulate` in backbones/src/class-modulated/transformer.ts). One
 * product, split. `offsets` are added to the bias, which costs less than adding 1 to the scale of every row.
 */
function modulations<T extends Tensor>(active: T, { weight, bias }: Affine, offsets: readonly number[]): T[] {
  const width = bias.shape[0]! / offsets.length;
  const offset = tf.tensor1d(offsets.flatMap((value) => Array<number>(width).fill(value)));
  const all = nn.linear(active, weight, tf.add<Tensor1D>(bias, offset));
  return tf.split(all, offsets.length, all.rank - 1);
}

/** A linear layer: [..., in] -> [..., out]. Traceable. */
export function affine<T extends Tensor>(x: T, { weight, bias }: Affine): T {
  return nn.linear(x, weight, bias);
}

/**
 * Takes the parameters under the names of MAR's denoiser, after `prefix`. Modulations and the last layer start at zero: a
 * fresh MLP gives 0. Nothing decays.
 */
export function takeAdaLNMlp(dims: AdaLNMlpDims, weights: Weights, prefix = ''): AdaLNMlpParams {
  const { blocks, width, inputs, outputs } = dims;
  const take = (name: string, shape: readonly [number, number], init?: Init): Affine =>
    takeAffine(weights, `${prefix}${name}`, { shape, ...(init && { init }) });
  const vector = (name: string, kind: 'ones' | 'zeros'): Tensor =>
    weights.param(`${prefix}${name}`, [width], { init: { kind }, decay: false });
  const block = (name: string): AdaLNMlpParams['blocks'][number] => ({
    norm: { weight: vector(`${name}.in_ln.weight`, 'ones'), bias: vector(`${name}.in_ln.bias`, 'zeros') },
    inner: take(`${name}.mlp.0`, [width, width]),
    outer: take(`${name}.mlp.2`, [width, width]),
    modulation: take(`${name}.adaLN_modulation.1`, [3 * width, width], { kind: 'zeros' }),
  });
  return {
    input: take('input_proj', [width, inputs]),
    blocks: Array.from({ length: blocks }, (_, i) => block(`res_blocks.${i}`)),
    final: {
      linear: take('final_layer.linear', [outputs, width], { kind: 'zeros' }),
      modulation: take('final_layer.adaLN_modulation.1', [2 * width, width], { kind: 'zeros' }),
    },
  };
}

/** Weight and bias of a linear layer of shape [out, in]; uniform (Glorot & Bengio 2010) unless told, the bias zero. */
export function takeAffine(
  weights: Weights,
  name: string,
  { shape, init }: { readonly shape: readonly [number, number]; readonly init?: Init },
): Affine {
  const [outputs, inputs] = shape;
  const start: Init = init ?? { kind: 'uniform', bound: Math.sqrt(6 / (inputs + outputs)) };
  return {
    weight: weights.param(`${name}.weight`, shape, { init: start, decay: false }),
    bias: weights.param(`${name}.bias`, [outputs], { init: { kind: 'zeros' }, decay: false }),
  };
}
