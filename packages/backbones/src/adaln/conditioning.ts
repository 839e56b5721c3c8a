import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import type { LinearParams } from '../linear-params.ts';
import type { AdaLNParams } from './params.ts';

/** Everything that depends on the class alone, once for all steps. */
export type Conditioning = {
  readonly class_RD: Tensor2D;
  /** Per block, [R, 6, D]. */
  readonly blocks: readonly Tensor[];
  /** Scale and shift before the head, [R, 2, D]. */
  readonly head_R2D: Tensor;
};

/** Class embeddings and all modulations. `label_R` is int32; -1 is the null class, the table's last row. */
export function conditionOn(params: AdaLNParams, label_R: Tensor1D): Conditioning {
  const [entries, D] = params.classEmbed.shape as [number, number];
  const index_R = tf.where(tf.less(label_R, 0), tf.fill(label_R.shape, entries - 1, 'int32'), label_R);
  const class_RD = nn.embedding(params.classEmbed, index_R) as Tensor2D;
  const active_RD = nn.silu(class_RD);
  const parts = (layer: LinearParams, count: number): Tensor =>
    tf.reshape(nn.linear(active_RD, layer.weight_OI, layer.bias_O), [-1, count, D]);
  const shared_R6D = params.sharedModulation && parts(params.sharedModulation, 6);
  const blocks = params.blocks.map(({ modulation }) =>
    'weight_OI' in modulation ? parts(modulation, 6) : tf.add(shared_R6D!, tf.reshape(modulation, [1, 6, D])),
  );
  return { class_RD, blocks, head_R2D: parts(params.headModulation, 2) };
}
