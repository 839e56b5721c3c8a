import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import type { Lesson, Taught, TrainContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { conditionOn } from './conditioning.ts';
import { dropPathRates, type NextScaleConfig } from './config.ts';
import { forward, type ForwardInput } from './forward.ts';
import type { NextScaleDims, NextScaleParams } from './params.ts';
import { blockCausalMask, placesOf, startOf, wordsOf } from './places.ts';

export interface Teachable {
  readonly config: NextScaleConfig;
  readonly dims: NextScaleDims;
  readonly params: NextScaleParams;
}

/**
 * Hidden states of all positions at once, each seeing its own scale and those before (teacher forcing). The lesson's
 * length says how many scales it has: progressive training gives the first ones only.
 * @throws TesseraError `lesson-order`, `lesson-length`
 */
export function teach({ config, dims, params }: Teachable, lesson: Lesson, context: TrainContext): Taught {
  const { layout } = dims;
  const length = lessonLength(lesson, dims);
  const modulations = conditionOn(params, lesson.label_B as Tensor1D);
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

/**
 * Stochastic depth per image (Huang et al. 2016): a residual is kept where the uniform number of stream
 * `drop-path.BLOCK.BRANCH` lies below the chance of keeping it, and then divided by that chance.
 */
function dropPath(config: NextScaleConfig, { rng, train }: TrainContext): Pick<ForwardInput, 'drop'> {
  if (!train || config.dropPath === 0) return {};
  const rates = dropPathRates(config);
  return {
    drop: (residual_BlD, { block, branch }) => {
      const keep = 1 - rates[block]!;
      if (keep === 1) return residual_BlD;
      const uniform_B11 = rng.uniform(`drop-path.${block}.${branch}`, [residual_BlD.shape[0], 1, 1]);
      const kept_B11 = tf.cast(tf.less(uniform_B11, keep), 'float32');
      return tf.mul(residual_BlD, tf.div(kept_B11, keep)) as Tensor3D;
    },
  };
}

function lessonLength({ estimates_BLC, cut }: Lesson, { layout }: NextScaleDims): number {
  const first = layout.scales[0]!.height * layout.scales[0]!.width;
  const length = first + (estimates_BLC?.shape[1] ?? 0);
  if (cut !== null) {
    throw new TesseraError({
      code: 'lesson-order',
      who: 'next-scale-transformer',
      got: `a lesson with one cut after ${cut.least} to ${cut.most} known tokens`,
      expected: 'one that supervises every step',
      next: 'Train this backbone with the next-scale order.',
    });
  }
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
