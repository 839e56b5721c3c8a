import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { classCondition } from '@tessera/backbones';
import type { Engine } from '@tessera/engine';
import { neverAsked } from './case-tensors.ts';
import type { CaseWeights } from './case-weights.ts';

interface ClassTable {
  readonly classes?: number | undefined;
  readonly width: number;
  /** Where the vector for no class lies. */
  readonly none: 'row' | 'parameter';
}

/** The vectors of labels, as the official code embeds its classes; -1 is none. Traceable. */
export function classVectors(
  weights: CaseWeights,
  { classes, width, none }: ClassTable,
  { label_B, engine }: { readonly label_B: Tensor1D; readonly engine: Engine },
): Tensor2D {
  const config = classCondition.config.parse({ classes, none }, 'parity');
  const layout = { length: 0, scales: [] };
  const part = classCondition.build(config, { width, layout }, { engine, weights: weights.again() });
  const context = { rng: { uniform: neverAsked, normal: neverAsked }, train: false };
  return part.embed({ label_R: label_B }, null, context).vector_RD!;
}
