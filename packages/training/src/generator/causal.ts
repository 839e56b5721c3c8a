import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { Encoding } from '@tessera/core';
import type { TraceRng } from '@tessera/engine';
import {
  type BatchConditions,
  droppedOf,
  type LossParts,
  type Objective,
  type ObjectiveOptions,
  splitBatch,
  tokensAt,
  visitOrders,
} from './objective.ts';

interface CausalLossOptions {
  /** Share of the images that are learnt without their condition. */
  readonly conditionDrop: number;
}

/** One training batch of cached encodings, each image in an order of its own. */
interface CausalBatch extends Encoding, BatchConditions {
  /** Positions in the order in which tokens are generated, and the rank of each position in it; int32. */
  readonly order_BL: Tensor;
  readonly rank_BL: Tensor;
}

/**
 * Loss of next-token prediction in any order (MAR, arXiv 2406.11838, section 3.3): every token is predicted from those before it
 * in the order; tokens and images are averaged. Random streams: `label-drop`, and those of tokenizer, backbone and head.
 * Pure and traceable.
 */
function causalLoss(
  { tokenizer, backbone, head }: LossParts,
  { conditionDrop }: CausalLossOptions,
): (batch: CausalBatch, rng: TraceRng) => { loss: Scalar } {
  return (batch, rng) => {
    const { encoded, others } = splitBatch(batch);
    const { order_BL, rank_BL, ...encoding } = others;
    const tokens = tokenizer.draw(encoding, rng);
    const trainBatch = {
      values_BLC: tokens.values_BlC,
      order_BL: order_BL as Tensor2D,
      rank_BL: rank_BL as Tensor2D,
      cut: null,
      condition: { encoded, dropped_B: droppedOf(order_BL.shape[0]!, rng, conditionDrop) },
    };
    const context = { rng, train: true };
    const hidden = backbone.teach(trainBatch, context);
    return { loss: tf.mean(head.loss(hidden, tokensAt(tokens, hidden.positions_Bl), context)) };
  };
}

/** Predicts every token from those before it in the order. */
export function causalObjective({ parts, recipe, seed }: ObjectiveOptions): Objective {
  const loss = causalLoss(parts, { conditionDrop: recipe.conditionDrop });
  return {
    loss: (batch, rng) => loss(batch as unknown as CausalBatch, rng),
    inputs: (key) => visitOrders(parts, { ...key, seed }),
    programs: 1,
    figures: [],
  };
}
