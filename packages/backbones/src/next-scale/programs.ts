import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, Program } from '@tessera/engine';
import type { KeysValues } from './attention.ts';
import { conditionOn } from './conditioning.ts';
import { forward } from './forward.ts';
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

export type StepInput = {
  readonly x_RlD: Tensor3D;
  readonly blocks: readonly Tensor[];
  readonly head_R2D: Tensor;
};

export type Past = readonly KeysValues[];
export type StepOutput = { readonly hidden_RlD: Tensor3D; readonly added: Past };

/** The compiled pieces of a rollout. Sizes that change from step to step are named axes: one program serves all scales. */
export interface NextScalePrograms {
  /** Modulations hold a third of the weights: they are computed once for all scales. */
  readonly open: Program<[label_R: Tensor1D], Opening>;
  /** Words of the canvas as tokens with places; `row_R` says which image each row continues. */
  readonly embed: Program<[values_BlC: Tensor3D, places_lD: Tensor2D, row_R: Tensor1D], Tensor3D>;
  /** New tokens after cached ones; gives back the new keys and values alone. */
  readonly step: Program<[StepInput, Past], StepOutput>;
  /** All tokens so far, without a cache, under a mask [1, 1, l, l]. */
  readonly whole: Program<[StepInput, Tensor4D], Tensor3D>;
  dispose(): void;
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compilePrograms(model: Teachable, engine: Engine): NextScalePrograms {
  const { depth } = model.config;
  const input = ['R l .', ...repeat('R . .', depth), 'R . .'];
  const past = repeat('P R . .', 2 * depth);
  const open = engine.compile(opener(model), { name: 'next-scale.open', axes: ['R'] });
  const embed = engine.compile(embedder(model), { name: 'next-scale.embed', axes: ['B l .', 'l .', 'R'] });
  const step = engine.compile(stepper(model), { name: 'next-scale.step', axes: [...input, ...past] });
  const whole = engine.compile(recomputer(model), { name: 'next-scale.whole', axes: [...input, '. . l l'] });
  const programs = [open, embed, step, whole];
  return { open, embed, step, whole, dispose: () => programs.forEach((program) => program.dispose()) };
}

function repeat(axes: string, count: number): string[] {
  return Array.from({ length: count }, () => axes);
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

function stepper({ params, config: { heads } }: Teachable) {
  return ({ x_RlD, ...modulations }: StepInput, past: Past): StepOutput =>
    forward(params, { x_RlD, modulations, heads, past, bias: null });
}

function recomputer({ params, config: { heads } }: Teachable) {
  return ({ x_RlD, ...modulations }: StepInput, bias: Tensor4D): Tensor3D =>
    forward(params, { x_RlD, modulations, heads, past: null, bias }).hidden_RlD;
}
