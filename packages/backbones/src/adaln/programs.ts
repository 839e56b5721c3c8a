import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { Engine, Program } from '@tessera/engine';
import type { KeysValues } from './attention.ts';
import type { AdaLNConfig } from './config.ts';
import { forward } from './forward.ts';
import type { AdaLNParams } from './params.ts';

/** A built transformer, as all passes through its blocks need it. */
export interface AdaLNModel {
  readonly config: AdaLNConfig;
  readonly params: AdaLNParams;
}

export type StepInput = {
  /** Embedded tokens. */
  readonly x_RlD: Tensor3D;
  readonly blocks: readonly Tensor[];
  readonly head_R2D: Tensor;
};

export type Past = readonly KeysValues[];
export type StepOutput = { readonly hidden_RlD: Tensor3D; readonly added: Past };

/** The blocks as programs. Numbers of rows and tokens are named axes: one program serves all steps. */
export interface StepPrograms {
  /** New tokens after cached ones, which all see all; gives back the new keys and values alone. */
  readonly step: Program<[StepInput, Past], StepOutput>;
  /** All tokens so far, without a cache, under a mask [1, 1, l, l]. */
  readonly whole: Program<[StepInput, Tensor4D], Tensor3D>;
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compileSteps({ params, config }: AdaLNModel, engine: Engine, name: string): StepPrograms {
  const { depth, heads } = config;
  const input = ['R l .', ...repeat('R . .', depth), 'R . .'];
  const step = ({ x_RlD, ...modulations }: StepInput, past: Past): StepOutput =>
    forward(params, { x_RlD, modulations, heads, past, bias: null });
  const whole = ({ x_RlD, ...modulations }: StepInput, bias: Tensor4D): Tensor3D =>
    forward(params, { x_RlD, modulations, heads, past: null, bias }).hidden_RlD;
  return {
    step: engine.compile(step, { name: `${name}.step`, axes: [...input, ...repeat('P R . .', 2 * depth)] }),
    whole: engine.compile(whole, { name: `${name}.whole`, axes: [...input, '. . l l'] }),
  };
}

function repeat(axes: string, count: number): string[] {
  return Array.from({ length: count }, () => axes);
}
