import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Cut, TrainBatch, TrainHidden, TrainContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { dropoutOf } from './dropout.ts';
import { bufferTokens, decode, embedTokens, encode, type MaskedModel } from './forward.ts';

/**
 * Hidden states of all tokens after the cut, from those before it. The encoder sees the first `most` tokens of the order,
 * those that this lesson's cut leaves unknown hidden by a mask: so one program serves all cuts.
 * @throws TesseraError `lesson-order`, `lesson-length`, `lesson-cut`
 */
export function teach(model: MaskedModel, lesson: TrainBatch, context: TrainContext): TrainHidden {
  const { known, least, most } = cutOf(lesson, model);
  const {
    values_BLC,
    order_BL,
    rank_BL,
    condition: { label_B },
  } = lesson;
  const B = order_BL.shape[0];
  const drop = dropoutOf(model.config.dropout, context);
  const known_Bm = tf.slice(order_BL, [0, 0], [B, most]);
  const buffer_BPD = bufferTokens(model, label_B as Tensor1D);
  const x_RtD =
    most === 0 ? buffer_BPD : tf.concat([buffer_BPD, embedTokens(model, { values_BLC, known_Bk: known_Bm })], 1);
  const bias = least === most ? null : hideUnknown(model, { known, most });
  const encoded_RtD = encode(model, { x_RtD, bias, drop });
  const positions_Bl = tf.slice(order_BL, [0, least], [B, -1]) as Tensor2D;
  const values_BlD = decode(model, { encoded_RtD, rank_RL: rank_BL, known, positions_Rl: positions_Bl, drop });
  return { values_BlD, positions_Bl };
}

/** Far below every score, so that softmax gives exactly 0. */
const HIDDEN = -1e9;

/** Added to the encoder's scores, [1, 1, 1, P + most]: keys from the cut on are hidden. */
function hideUnknown({ config: { buffer } }: MaskedModel, { known, most }: Pick<Cut, 'known' | 'most'>): Tensor4D {
  const place_t = tf.range(0, buffer + most, 1, 'int32');
  const isHidden_t = tf.greaterEqual(place_t, tf.add(known, tf.scalar(buffer, 'int32')));
  return tf.reshape(tf.mul(tf.cast(isHidden_t, 'float32'), HIDDEN), [1, 1, 1, buffer + most]);
}

function cutOf({ cut, order_BL }: TrainBatch, { dims }: MaskedModel): Cut {
  const who = 'masked-encoder-decoder';
  const { length } = dims.layout;
  if (cut === null) {
    throw new TesseraError({
      code: 'lesson-order',
      who,
      got: 'a lesson that supervises every step',
      expected: 'one with a cut between known and predicted tokens',
      next: 'Train this backbone with the order of random sets.',
    });
  }
  if (order_BL.shape[1] !== length) {
    throw new TesseraError({
      code: 'lesson-length',
      who,
      got: `a lesson of ${order_BL.shape[1]} positions`,
      expected: `all ${length}`,
    });
  }
  const { least, most } = cut;
  if (Number.isInteger(least) && Number.isInteger(most) && least >= 0 && least <= most && most < length) return cut;
  throw new TesseraError({
    code: 'lesson-cut',
    who,
    got: `a cut after ${least} to ${most} known tokens`,
    expected: `bounds from 0 to ${length - 1}, the lower one first: at least one token must be left to predict`,
  });
}
