import type { Tensor } from '@tensorflow/tfjs';
import type { Layout, SpaceShape, Weights } from '@tessera/core';
import type { AdaLNConfig } from '../adaln/config.ts';
import { takerOf, takeStack, type AdaLNParams } from '../adaln/params.ts';
import type { LinearParams } from '../linear-params.ts';

export interface NextScaleParams extends AdaLNParams {
  /** [1, p_0^2, D] */
  readonly posStart: Tensor;
  /** [1, L, D] */
  readonly pos: Tensor;
  /** [S, D] */
  readonly levelEmbed: Tensor;
  readonly wordEmbed: LinearParams;
}

/** The sizes that come from the tokenizer. */
export interface NextScaleDims {
  readonly layout: Layout;
  readonly space: SpaceShape;
}

/** Takes parameters under the official names, with the official initialisation and decay. */
export function takeParams(config: AdaLNConfig, dims: NextScaleDims, weights: Weights): NextScaleParams {
  const { width: D, classes } = config;
  const { length, scales } = dims.layout;
  const take = takerOf(weights, D);
  return {
    posStart: take.table('pos_start', [1, scales[0]!.height * scales[0]!.width, D], false),
    pos: take.table('pos_1LC', [1, length, D], false),
    wordEmbed: take.linear('word_embed', [D, dims.space.channels]),
    classEmbed: take.table('class_emb.weight', [classes + 1, D], true),
    levelEmbed: take.table('lvl_embed.weight', [scales.length, D], false),
    ...takeStack(config, take),
  };
}
