import type { Tensor, Tensor1D } from '@tensorflow/tfjs';
import { labelOf, type Guidance, type Row } from '@tessera/core';
import type { Program } from '@tessera/engine';
import { checkLabel } from '../checks.ts';
import { intTensor } from '../positions.ts';
import { openHistory, type ClassModulatedModel, type History, type Modulations, type StepPrograms } from './cache.ts';

interface StartParts<O extends Modulations> {
  readonly who: string;
  readonly model: ClassModulatedModel;
  readonly programs: StepPrograms & {
    /** What depends on the labels alone, for all steps: modulations hold a third of the weights. */
    readonly open: Program<[label_R: Tensor1D], O>;
  };
  /** Attention mask groups, for all tokens of the image in the order in which they come (see `maskValues`). */
  readonly group_L: Int32Array;
}

/** What every rollout of a class-modulated transformer begins with. */
export interface Started<O extends Modulations> {
  readonly opening: O;
  readonly history: History;
  readonly guided: boolean;
  readonly batch: number;
  /** The image that each of the R rows continues: [0..B-1], when guided twice. */
  readonly row_R: Tensor1D;
  dispose(): void;
}

/**
 * Begins one generation: rows 0..B-1 follow their labels, and when guided, rows B..2B-1 the null class.
 * @throws TesseraError `label-out-of-range`
 */
export async function startRollout<O extends Modulations>(
  { who, model, programs, group_L }: StartParts<O>,
  rows: readonly Row[],
  guidance: Guidance,
): Promise<Started<O>> {
  const { config } = model;
  const guided = guidance.active;
  const labels = rows.map(({ condition }) => checkLabel(labelOf(condition), config.classes, who));
  const label_R = intTensor(guided ? [...labels, ...labels.map(() => -1)] : labels) as Tensor1D;
  const opening = await programs.open(label_R).finally(() => label_R.dispose());
  const history = openHistory({ config, programs, modulations: modulationsOf(opening), group_L });
  const images = [...rows.keys()];
  const row_R = intTensor(guided ? [...images, ...images] : images) as Tensor1D;
  const held: Tensor[] = [...(Object.values(opening).flat() as Tensor[]), row_R];
  return {
    opening,
    history,
    guided,
    batch: rows.length,
    row_R,
    dispose: () => {
      history.dispose();
      for (const tensor of held) tensor.dispose();
    },
  };
}

function modulationsOf({ blocks, head_R2D }: Modulations): Modulations {
  return { blocks, head_R2D };
}
