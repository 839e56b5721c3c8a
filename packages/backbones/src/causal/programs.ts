import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Engine, Program } from '@tessera/engine';
import { conditionOn } from '../adaln/conditioning.ts';
import { compileSteps, type StepPrograms } from '../adaln/programs.ts';
import { instructions, seenTokens, startOf, type SeenTokens } from './inputs.ts';
import type { CausalModel } from './model.ts';

/** What a rollout knows from its labels, for all steps. */
export type Opening = {
  /** The first input, before its instruction. */
  readonly start_R1D: Tensor3D;
  readonly blocks: readonly Tensor[];
  readonly head_R2D: Tensor;
};

export type Newest = SeenTokens & {
  /** Positions to predict. */
  readonly next_Bl: Tensor2D;
};

/** The compiled pieces of a rollout. */
export interface CausalPrograms extends StepPrograms {
  /** Modulations hold a third of the weights: they are computed once for all steps. */
  readonly open: Program<[label_R: Tensor1D], Opening>;
  /** The first input with its instruction. */
  readonly begin: Program<[start_R1D: Tensor3D, next_R1: Tensor2D], Tensor3D>;
  /** Newest tokens as inputs; `row_R` says which image each row continues. */
  readonly embed: Program<[Newest, row_R: Tensor1D], Tensor3D>;
  dispose(): void;
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compilePrograms(model: CausalModel, engine: Engine): CausalPrograms {
  const open = engine.compile(opener(model), { name: 'causal.open', axes: ['R'] });
  const begin = engine.compile(
    (start_R1D: Tensor3D, next_R1: Tensor2D): Tensor3D => tf.add(start_R1D, instructions(model, next_R1)),
    { name: 'causal.begin', axes: ['R . .', 'R .'] },
  );
  const embed = engine.compile(embedder(model), { name: 'causal.embed', axes: ['B . .', 'B .', 'B .', 'R'] });
  const { step, whole } = compileSteps(model, engine, 'causal');
  const programs = [open, begin, embed, step, whole];
  return { open, begin, embed, step, whole, dispose: () => programs.forEach((program) => program.dispose()) };
}

function opener(model: CausalModel) {
  return (label_R: Tensor1D): Opening => {
    const { class_RD, blocks, head_R2D } = conditionOn(model.params, label_R);
    return { start_R1D: startOf(model, class_RD), blocks, head_R2D };
  };
}

function embedder(model: CausalModel) {
  return ({ next_Bl, ...seen }: Newest, row_R: Tensor1D): Tensor3D =>
    tf.gather(tf.add(seenTokens(model, seen), instructions(model, next_Bl)) as Tensor3D, row_R);
}
