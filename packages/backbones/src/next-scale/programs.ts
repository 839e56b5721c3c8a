import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Engine, Program } from '@tessera/engine';
import { conditionOn } from '../adaln/conditioning.ts';
import { compileSteps, type StepPrograms } from '../adaln/programs.ts';
import { placesOf, startOf, wordsOf } from './places.ts';
import type { Teachable } from './teach.ts';

/** What a rollout knows from its labels, for all scales. */
export type Opening = {
  /** The first scale's tokens, with their places, [R, p_0^2, D]. */
  readonly start_RlD: Tensor3D;
  readonly places_LD: Tensor2D;
  readonly blocks: readonly Tensor[];
  readonly head_R2D: Tensor;
};

/** The compiled pieces of a rollout. Sizes that change from step to step are named axes: one program serves all scales. */
export interface NextScalePrograms extends StepPrograms {
  /** Modulations hold a third of the weights: they are computed once for all scales. */
  readonly open: Program<[label_R: Tensor1D], Opening>;
  /** Words of the canvas as tokens with places; `row_R` says which image each row continues. */
  readonly embed: Program<[values_BlC: Tensor3D, places_lD: Tensor2D, row_R: Tensor1D], Tensor3D>;
  dispose(): void;
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compilePrograms(model: Teachable, engine: Engine): NextScalePrograms {
  const open = engine.compile(opener(model), { name: 'next-scale.open', axes: ['R'] });
  const embed = engine.compile(embedder(model), { name: 'next-scale.embed', axes: ['B l .', 'l .', 'R'] });
  const { step, whole } = compileSteps(model, engine, 'next-scale');
  const programs = [open, embed, step, whole];
  return { open, embed, step, whole, dispose: () => programs.forEach((program) => program.dispose()) };
}

function opener({ params, dims: { layout } }: Teachable) {
  return (label_R: Tensor1D): Opening => {
    const { class_RD, blocks, head_R2D } = conditionOn(params, label_R);
    const places_LD = placesOf(params, layout, layout.length);
    const start = startOf(params, class_RD);
    const start_RlD = tf.add(start, tf.slice(places_LD, [0, 0], [start.shape[1], -1])) as Tensor3D;
    return { start_RlD, places_LD, blocks, head_R2D };
  };
}

function embedder({ params }: Teachable) {
  return (values_BlC: Tensor3D, places_lD: Tensor2D, row_R: Tensor1D): Tensor3D =>
    tf.gather(tf.add(wordsOf(params, values_BlC), places_lD) as Tensor3D, row_R);
}
