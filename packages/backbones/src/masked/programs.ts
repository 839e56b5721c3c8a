import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Engine, Program } from '@tessera/engine';
import { bufferTokens, decode, embedTokens, encode, type MaskedModel } from './forward.ts';

export type StepInput = {
  /** The canvas. */
  readonly values_BLC: Tensor3D;
  /** Positions of known tokens. */
  readonly known_Bk: Tensor2D;
  /** The place of each position in `known_Bk`; those that are not known have `count` or more. */
  readonly rank_BL: Tensor2D;
  /** Scalar: k. */
  readonly count: Tensor;
  /** Positions to predict. */
  readonly positions_Bl: Tensor2D;
};

export type RowsInput = {
  readonly label_R: Tensor1D;
  /** Which image each row belongs to: guided ones have two rows, which see the same tokens. */
  readonly row_R: Tensor1D;
};

/** A whole step as one program for all numbers of images, known tokens and predicted ones. */
export type StepProgram = Program<[RowsInput, StepInput], Tensor3D>;

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compileStep(model: MaskedModel, engine: Engine): StepProgram {
  return engine.compile(stepper(model), {
    name: 'masked.step',
    axes: ['R', 'R', 'B . .', 'B k', 'B .', '', 'B l'],
  });
}

function stepper(model: MaskedModel) {
  return (
    { label_R, row_R }: RowsInput,
    { values_BLC, known_Bk, rank_BL, count, positions_Bl }: StepInput,
  ): Tensor3D => {
    const tokens_RkD = tf.gather(embedTokens(model, { values_BLC, known_Bk }), row_R);
    const x_RtD = tf.concat([bufferTokens(model, label_R), tokens_RkD], 1);
    return decode(model, {
      encoded_RtD: encode(model, { x_RtD, bias: null, drop: null }),
      rank_RL: tf.gather(rank_BL, row_R),
      known: count,
      positions_Rl: tf.gather(positions_Bl, row_R),
      drop: null,
    });
  };
}
