import type { Tensor1D } from '@tensorflow/tfjs';
import { isTensor, tensorsOf, type Conditioning, type Embedded } from '@tessera/core';
import { tensorFrom, type Program } from '@tessera/engine';
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
  /** Tensors of three axes and more begin with rows. */
  readonly opening: O;
  readonly history: History;
  readonly guided: boolean;
  readonly batch: number;
  /** The image that each of the R rows continues: [0..B-1], when guided twice. */
  readonly row_R: Tensor1D;
  /** Rows without condition are not needed from here on; this is used no more. */
  endGuidance(): Promise<Started<O>>;
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
  return started({ opening, history, guided: guided !== null, batch });
}

function started<O extends Modulated>(parts: Omit<Started<O>, 'row_R' | 'endGuidance' | 'dispose'>): Started<O> {
  const { opening, history, guided, batch } = parts;
  const images = Array.from({ length: batch }, (_, image) => image);
  const row_R = intTensor(guided ? [...images, ...images] : images) as Tensor1D;
  const dispose = () => {
    history.dispose();
    for (const tensor of [...tensorsOf(opening, 4), row_R]) tensor.dispose();
  };
  return {
    ...parts,
    row_R,
    endGuidance: async () => {
      const own = (await firstRows(opening, batch)) as O;
      const next = { opening: own, history: await history.keepRows(batch, only(own)), guided: false, batch };
      dispose();
      return started(next);
    },
    dispose,
  };
}

/** A copy that has the first rows alone. */
async function firstRows(value: unknown, rows: number): Promise<unknown> {
  if (isTensor(value)) {
    if (value.rank < 3) return value.clone();
    const [R, ...rest] = value.shape as [number, ...number[]];
    const numbers = await value.data<'float32'>();
    return tensorFrom(numbers.slice(0, (numbers.length / R) * rows), [rows, ...rest]);
  }
  if (Array.isArray(value)) return Promise.all(value.map((one) => firstRows(one, rows)));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(async ([name, one]) => [name, await firstRows(one, rows)] as const);
  return Object.fromEntries(await Promise.all(members));
}

function only({ blocks, head_R2D, sequence }: Modulated): Modulated {
  return { blocks, head_R2D, ...(sequence && { sequence }) };
}
