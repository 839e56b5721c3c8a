import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs';
import type { KeysValues } from './attention.ts';
import { modulate, runBlock, type Branch } from './block.ts';
import type { Conditioning } from './conditioning.ts';
import type { AdaLNParams } from './params.ts';

export interface ForwardInput {
  /** Embedded tokens. */
  readonly x_RlD: Tensor3D;
  readonly modulations: Pick<Conditioning, 'blocks' | 'head_R2D'>;
  readonly heads: number;
  /** Per block: keys and values of earlier tokens; null without a cache. */
  readonly past: readonly KeysValues[] | null;
  readonly bias: Tensor | null;
  readonly drop?: (residual: Tensor3D, place: { readonly block: number; readonly branch: Branch }) => Tensor3D;
}

export interface ForwardOutput {
  /** Normalised and modulated for the head. */
  readonly hidden_RlD: Tensor3D;
  /** Per block, of the new tokens. */
  readonly added: readonly KeysValues[];
}

/** All blocks and the normalisation before the head. Pure and traceable: sampling and training both run through it. */
export function forward(params: AdaLNParams, input: ForwardInput): ForwardOutput {
  const { modulations, heads, past, bias, drop } = input;
  let x_RlD = input.x_RlD;
  const added = params.blocks.map((block, index) => {
    const output = runBlock(block, {
      x_RlD,
      heads,
      bias,
      past: past?.[index] ?? null,
      modulation_R6D: modulations.blocks[index]!,
      drop: drop ? (residual, branch) => drop(residual, { block: index, branch }) : null,
    });
    x_RlD = output.x_RlD;
    return output.added;
  });
  const [scale, shift] = tf.split(modulations.head_R2D, 2, 1);
  return { hidden_RlD: modulate(x_RlD, scale!, shift!), added };
}
