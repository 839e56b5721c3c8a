import type { Tensor } from '@tensorflow/tfjs';
import type { BackboneDims, Weights } from '@tessera/core';
import type { AdaLNConfig } from '../adaln/config.ts';
import { takerOf, takeStack, type AdaLNParams } from '../adaln/params.ts';
import type { LinearParams } from '../linear-params.ts';

export interface CausalParams extends AdaLNParams {
  /** Added to the class for the first input, [1, 1, D]. */
  readonly start: Tensor;
  /** Where a seen token lies, [1, L, D]. */
  readonly pos: Tensor;
  /** Which position is to be predicted, [1, L, D]. */
  readonly nextPos: Tensor;
  /** Which scale is to be predicted, [S, D]; null where there is one. */
  readonly levelEmbed: Tensor | null;
  readonly wordEmbed: LinearParams;
}

/** Takes parameters with the names, initialisation and decay of the official VAR, as far as it has them. */
export function takeParams(config: AdaLNConfig, { layout, space }: BackboneDims, weights: Weights): CausalParams {
  const { width: D, classes } = config;
  const { length, scales } = layout;
  const take = takerOf(weights, D);
  return {
    start: take.table('pos_start', [1, 1, D], false),
    pos: take.table('pos_1LC', [1, length, D], false),
    nextPos: take.table('next_pos_1LC', [1, length, D], false),
    wordEmbed: take.linear('word_embed', [D, space.channels]),
    classEmbed: take.table('class_emb.weight', [classes + 1, D], true),
    levelEmbed: scales.length > 1 ? take.table('lvl_embed.weight', [scales.length, D], false) : null,
    ...takeStack(config, take),
  };
}
