import * as tf from '@tensorflow/tfjs';
import type { Tensor1D } from '@tensorflow/tfjs';
import type { TrainBatch, TrainHidden, TrainContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { conditionOn } from '../adaln/conditioning.ts';
import type { AdaLNConfig } from '../adaln/config.ts';
import { dropPath } from '../adaln/drop-path.ts';
import { forward } from '../adaln/forward.ts';
import { refuseCut } from '../lesson.ts';
import type { NextScaleDims, NextScaleParams } from './params.ts';
import { blockCausalMask, placesOf, startOf, wordsOf } from './places.ts';

export interface Teachable {
  readonly config: AdaLNConfig;
  readonly dims: NextScaleDims;
  readonly params: NextScaleParams;
}

/**
 * Hidden states of all positions at once, each seeing its own scale and those before (teacher forcing). The lesson's
 * length says how many scales it has: progressive training gives the first ones only.
 * @throws TesseraError `lesson-order`, `lesson-length`
 */
export function teach({ config, dims, params }: Teachable, lesson: TrainBatch, context: TrainContext): TrainHidden {
  const { layout } = dims;
  const length = lessonLength(lesson, dims);
  const modulations = conditionOn(params, lesson.condition.label_B as Tensor1D);
  const start_BpD = startOf(params, modulations.class_RD);
  const { estimates_BLC } = lesson;
  const words = estimates_BLC && estimates_BLC.shape[1] > 0 ? [wordsOf(params, estimates_BLC)] : [];
  const tokens_BlD = tf.concat([start_BpD, ...words], 1);
  const { hidden_RlD } = forward(params, {
    x_RlD: tf.add(tokens_BlD, placesOf(params, layout, length)),
    modulations,
    heads: config.heads,
    past: null,
    bias: blockCausalMask(layout, length),
    ...dropPath(config, context),
  });
  return { values_BlD: hidden_RlD, positions_Bl: null };
}

function lessonLength({ estimates_BLC, cut }: TrainBatch, { layout }: NextScaleDims): number {
  const first = layout.scales[0]!.height * layout.scales[0]!.width;
  const length = first + (estimates_BLC?.shape[1] ?? 0);
  refuseCut(cut, { who: 'next-scale-transformer', order: 'the next-scale order' });
  const ends = layout.scales.map(({ start, height, width }) => start + height * width);
  if (ends.includes(length)) return length;
  throw new TesseraError({
    code: 'lesson-length',
    who: 'next-scale-transformer',
    got: `a lesson of ${length} positions`,
    expected: `whole scales, ending at one of ${ends.join(', ')}`,
    next: 'Cut lessons at the end of a scale.',
  });
}
