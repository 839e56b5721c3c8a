import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { TrainBatch, TrainHidden, TrainContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { conditionOn } from '../adaln/conditioning.ts';
import { dropPath } from '../adaln/drop-path.ts';
import { forward } from '../adaln/forward.ts';
import { maskOf } from '../adaln/mask.ts';
import { refuseCut } from '../lesson.ts';
import { rowsAt } from '../rows.ts';
import { instructions, seenTokens, startOf } from './inputs.ts';
import { placesInOrder, WHO, type CausalModel } from './model.ts';

/**
 * Hidden states of all tokens at once, each image in its own order and every token seeing those before it alone (teacher
 * forcing).
 * @throws TesseraError `lesson-order`, `lesson-length`
 */
export function teach(model: CausalModel, lesson: TrainBatch, context: TrainContext): TrainHidden {
  const { config, dims, params } = model;
  const {
    order_BL,
    values_BLC,
    condition: { label_B },
  } = lesson;
  refuseCut(lesson.cut, { who: WHO, order: 'an order of one token a step' });
  const [B, L] = order_BL.shape;
  if (L !== dims.layout.length) throw lengthMismatch(L, dims.layout.length);
  const modulations = conditionOn(params, label_B as Tensor1D);
  const start_B1D = startOf(model, modulations.class_RD);
  const positions_Bl = tf.slice(order_BL, [0, 0], [B, L - 1]) as Tensor2D;
  const seen = L === 1 ? [] : [seenTokens(model, { values_BlC: rowsAt(values_BLC, positions_Bl), positions_Bl })];
  const { hidden_RlD } = forward(params, {
    x_RlD: tf.add(tf.concat([start_B1D, ...seen], 1), instructions(model, order_BL)),
    modulations,
    heads: config.heads,
    past: null,
    bias: maskOf(placesInOrder(L)),
    ...dropPath(config, context),
  });
  return { values_BlD: hidden_RlD, positions_Bl: order_BL };
}

function lengthMismatch(got: number, length: number): TesseraError {
  return new TesseraError({
    code: 'lesson-length',
    who: WHO,
    got: `a lesson of ${got} positions`,
    expected: `all ${length}`,
  });
}
