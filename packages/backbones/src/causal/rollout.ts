import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Context, Guidance, Hidden, Rollout, Row, Step } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { openHistory } from '../adaln/history.ts';
import { checkLabel } from '../label.ts';
import { placesInOrder, WHO, type CausalModel } from './model.ts';
import type { CausalPrograms, Opening } from './programs.ts';
import { labelOf } from '@tessera/core';

interface RolloutParts {
  readonly model: CausalModel;
  readonly programs: CausalPrograms;
  readonly opening: Opening;
  readonly guided: boolean;
}

/**
 * Begins one generation: rows 0..B-1 follow their labels, and when guided, rows B..2B-1 the null class.
 * @throws TesseraError `label-out-of-range`
 */
export async function openRollout(
  { model, programs }: Pick<RolloutParts, 'model' | 'programs'>,
  rows: readonly Row[],
  guidance: Guidance,
): Promise<Rollout> {
  const labels = rows.map(({ condition }) => checkLabel(labelOf(condition), model.config.classes, WHO));
  const guided = guidance.active;
  const label_R = intTensor(guided ? [...labels, ...labels.map(() => -1)] : labels) as Tensor1D;
  const opening = await programs.open(label_R).finally(() => label_R.dispose());
  return makeRollout({ model, programs, opening, guided }, rows.length);
}

function makeRollout({ model, programs, opening, guided }: RolloutParts, batch: number): Rollout {
  const { start_R1D, blocks, head_R2D } = opening;
  const { config, dims } = model;
  const group_L = placesInOrder(dims.layout.length);
  const history = openHistory({ config, programs, modulations: { blocks, head_R2D }, group_L });
  const row_R = intTensor(Array.from({ length: start_R1D.shape[0] }, (_, row) => row % batch)) as Tensor1D;
  /** Where the newest tokens lie; empty before the first. */
  let newest = new Int32Array(0);

  function begin({ positions_Bl }: Step): Promise<Tensor3D> {
    const next_R1 = columnOf(guided ? [...positions_Bl, ...positions_Bl] : positions_Bl);
    return programs.begin(start_R1D, next_R1).finally(() => next_R1.dispose());
  }

  function embed(values_BlC: Tensor3D, { positions_Bl }: Step): Promise<Tensor3D> {
    const places = { positions_Bl: columnOf(newest), next_Bl: columnOf(positions_Bl) };
    const running = programs.embed({ values_BlC, ...places }, row_R);
    return running.finally(() => Object.values(places).forEach((tensor) => tensor.dispose()));
  }

  return {
    remembers: true,
    async forward(context: Context, step: Step): Promise<Hidden> {
      const values_BlC = newestOf(context, step, { batch, isFirst: newest.length === 0 });
      const x_RlD = await (values_BlC === null ? begin(step) : embed(values_BlC, step));
      newest = step.positions_Bl.slice();
      const values_RlD = await history.extend(x_RlD).finally(() => x_RlD.dispose());
      return { values_RlD, positions_Bl: step.positions_Bl, guided };
    },
    dispose: () => {
      history.dispose();
      for (const tensor of [start_R1D, ...blocks, head_R2D, row_R]) tensor.dispose();
    },
  };
}

function intTensor(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
  return tensorFrom(Int32Array.from(values), shape, 'int32');
}

/** One number a row, [R, 1]. */
function columnOf(values_R: ArrayLike<number>): Tensor2D {
  return intTensor(values_R, [values_R.length, 1]) as Tensor2D;
}

/** The token of each row that the step before wrote; null at the first. @throws TesseraError `context-mismatch` */
function newestOf(
  context: Context,
  step: Step,
  at: { readonly batch: number; readonly isFirst: boolean },
): Tensor3D | null {
  const isOne = step.positions_Bl.length === at.batch;
  if (isOne && context.reads === 'last' && (context.values_BlC === null) === at.isFirst) return context.values_BlC;
  throw new TesseraError({
    code: 'context-mismatch',
    who: WHO,
    got: `a context of '${context.reads}' and ${step.positions_Bl.length} positions at step ${step.index}`,
    expected: `${at.isFirst ? 'an empty canvas' : 'the newest token of each row'}, and one position for each of ${at.batch} rows`,
    next: "Compose this backbone with an order of one token a step and a tokenizer that serves 'last'.",
  });
}
