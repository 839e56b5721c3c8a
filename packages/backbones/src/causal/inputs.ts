import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { scaleOfPositions } from '../scale-of-positions.ts';
import type { CausalModel } from './model.ts';

export type SeenTokens = {
  readonly values_BlC: Tensor3D;
  /** Where they lie; int32. */
  readonly positions_Bl: Tensor2D;
};

/** The first input before its instruction: the class itself, [R, 1, D]. */
export function startOf({ params: { start } }: CausalModel, class_RD: Tensor2D): Tensor3D {
  const [R, D] = class_RD.shape;
  return tf.add(tf.reshape(class_RD, [R, 1, D]), start);
}

/** Seen tokens with their places, before their instructions: [B, l, D]. */
export function seenTokens({ params: { pos, wordEmbed } }: CausalModel, seen: SeenTokens): Tensor3D {
  const { values_BlC, positions_Bl } = seen;
  const words_BlD = nn.linear(values_BlC as Tensor, wordEmbed.weight_OI, wordEmbed.bias_O);
  return tf.add(words_BlD, nn.embedding(rowsOf(pos), positions_Bl)) as Tensor3D;
}

/**
 * Position instructions (sigma-GPT, arXiv 2404.09562): what tells an input which position comes next (int32),
 * and of which scale it is: [B, l, D].
 */
export function instructions({ dims: { layout }, params }: CausalModel, positions_Bl: Tensor2D): Tensor3D {
  const { nextPos, levelEmbed } = params;
  if (!levelEmbed) return nn.embedding(rowsOf(nextPos), positions_Bl) as Tensor3D;
  const scale_L = tf.tensor1d(scaleOfPositions(layout, layout.length), 'int32');
  return nn.embedding(tf.add(rowsOf(nextPos), nn.embedding(levelEmbed, scale_L)), positions_Bl) as Tensor3D;
}

/** A table [1, L, D] as [L, D]. */
function rowsOf(table: Tensor): Tensor2D {
  return tf.reshape(table, table.shape.slice(1) as [number, number]);
}
