import type { Tensor, Tensor1D } from '@tensorflow/tfjs';
import { tensorsOf, type Conditioning, type Embedded } from '@tessera/core';
import type { Program } from '@tessera/engine';
import { intTensor } from '../positions.ts';
import { openHistory, type ClassModulatedModel, type History, type StepPrograms } from './cache.ts';
import type { Modulated } from './transformer.ts';

interface StartParts<O extends Modulated> {
  readonly model: ClassModulatedModel;
  readonly programs: StepPrograms & {
    /** What depends on the condition alone, for all steps: modulations hold a third of the weights. */
    readonly open: Program<[Embedded], O>;
  };
  /** Attention mask groups, for all tokens of the image in the order in which they come (see `maskValues`). */
  readonly group_L: Int32Array;
}

/** What every rollout of a class-modulated transformer begins with. */
export interface Started<O extends Modulated> {
  readonly opening: O;
  readonly history: History;
  readonly guided: boolean;
  readonly batch: number;
  /** The image that each of the R rows continues: [0..B-1], when guided twice. */
  readonly row_R: Tensor1D;
  dispose(): void;
}

/** Begins one generation: rows 0..B-1 follow their conditions, and when guided, rows B..2B-1 none. */
export async function startRollout<O extends Modulated>(
  { model, programs, group_L }: StartParts<O>,
  { batch, own, guided }: Conditioning,
): Promise<Started<O>> {
  const { config } = model;
  const opening = await programs.open(guided ?? own);
  const history = openHistory({ config, programs, modulations: only(opening), group_L });
  const images = Array.from({ length: batch }, (_, image) => image);
  const row_R = intTensor(guided ? [...images, ...images] : images) as Tensor1D;
  const held: Tensor[] = [...tensorsOf(opening, 4), row_R];
  return {
    opening,
    history,
    guided: guided !== null,
    batch,
    row_R,
    dispose: () => {
      history.dispose();
      for (const tensor of held) tensor.dispose();
    },
  };
}

function only({ blocks, head_R2D, sequence }: Modulated): Modulated {
  return { blocks, head_R2D, ...(sequence && { sequence }) };
}
