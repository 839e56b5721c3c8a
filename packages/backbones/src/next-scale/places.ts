import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Layout } from '@tessera/core';
import { nn } from '@tessera/engine';
import { maskOf } from '../adaln/mask.ts';
import { scaleOfPositions } from '../scale-of-positions.ts';
import type { NextScaleParams } from './params.ts';

/** What is added to the tokens of the first `length` positions: position and scale, [length, D]. */
export function placesOf({ pos, levelEmbed }: NextScaleParams, layout: Layout, length: number): Tensor2D {
  const D = pos.shape[2]!;
  const pos_LD = tf.reshape(pos, [layout.length, D]);
  const scale_l = tf.tensor1d(scaleOfPositions(layout, length), 'int32');
  return tf.add(tf.slice(pos_LD, [0, 0], [length, D]), nn.embedding(levelEmbed, scale_l));
}

/** The first scale's tokens before places are added: the class itself, [R, p_0^2, D]. */
export function startOf({ posStart }: NextScaleParams, class_RD: Tensor2D): Tensor3D {
  const [R, D] = class_RD.shape;
  return tf.add(tf.reshape(class_RD, [R, 1, D]), posStart);
}

/** Block-causal mask of the first `length` positions, [1, 1, length, length]: a token sees its own scale and all before. */
export function blockCausalMask(layout: Layout, length: number): Tensor4D {
  return maskOf(scaleOfPositions(layout, length));
}

/** Words of the canvas as tokens, before places are added: [B, l, C] -> [B, l, D]. */
export function wordsOf({ wordEmbed }: NextScaleParams, values_BlC: Tensor3D): Tensor3D {
  return nn.linear(values_BlC as Tensor, wordEmbed.weight_OI, wordEmbed.bias_O) as Tensor3D;
}
