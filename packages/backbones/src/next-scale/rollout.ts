import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Context, Guidance, Hidden, Rollout, Row, Step } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { checkLabel } from '../label.ts';
import { openHistory } from '../adaln/history.ts';
import { scaleOfPositions } from '../scale-of-positions.ts';
import type { NextScalePrograms, Opening } from './programs.ts';
import type { Teachable } from './teach.ts';
import { labelOf } from '@tessera/core';

interface RolloutParts {
  readonly model: Teachable;
  readonly programs: NextScalePrograms;
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
  const labels = rows.map(({ condition }) =>
    checkLabel(labelOf(condition), model.config.classes, 'next-scale-transformer'),
  );
  const guided = guidance.active;
  const label_R = intTensor(guided ? [...labels, ...labels.map(() => -1)] : labels);
  const opening = await programs.open(label_R).finally(() => label_R.dispose());
  return makeRollout({ model, programs, opening, guided }, rows.length);
}

function makeRollout({ model, programs, opening, guided }: RolloutParts, batch: number): Rollout {
  const { start_RlD, places_LD, blocks, head_R2D } = opening;
  const R = start_RlD.shape[0];
  const { config, dims } = model;
  const group_L = scaleOfPositions(dims.layout, dims.layout.length);
  const history = openHistory({ config, programs, modulations: { blocks, head_R2D }, group_L });
  const row_R = intTensor(Array.from({ length: R }, (_, row) => row % batch));

  async function embed(values_BlC: Tensor3D, step: Step): Promise<Tensor3D> {
    const { start, height, width } = dims.layout.scales[step.index]!;
    const D = config.width;
    const places = await places_LD.data<'float32'>();
    const at = places.subarray(start * D, (start + height * width) * D);
    const places_lD = tensorFrom(at, [height * width, D]) as Tensor2D;
    return programs.embed(values_BlC, places_lD, row_R).finally(() => places_lD.dispose());
  }

  return {
    remembers: true,
    async forward(context: Context, step: Step): Promise<Hidden> {
      const values_BlC = estimateOf(context, step);
      const { positions_Bl } = step;
      if (values_BlC === null) return { values_RlD: await history.extend(start_RlD), positions_Bl, guided };
      const x_RlD = await embed(values_BlC, step);
      const values_RlD = await history.extend(x_RlD).finally(() => x_RlD.dispose());
      return { values_RlD, positions_Bl, guided };
    },
    dispose: () => {
      history.dispose();
      for (const tensor of [start_RlD, places_LD, ...blocks, head_R2D, row_R]) tensor.dispose();
    },
  };
}

function intTensor(values: readonly number[]): Tensor1D {
  return tensorFrom(Int32Array.from(values), [values.length], 'int32') as Tensor1D;
}

/** The canvas' estimate of this scale; null at the first. */
function estimateOf(context: Context, step: Step): Tensor3D | null {
  const expected = step.index === 0 ? 'an empty canvas' : 'the estimate of this scale';
  if (context.reads === 'estimate' && (context.values_BlC === null) === (step.index === 0)) return context.values_BlC;
  throw new TesseraError({
    code: 'context-mismatch',
    who: 'next-scale-transformer',
    got: `a context of '${context.reads}' at step ${step.index}`,
    expected,
    next: 'Compose this backbone with the next-scale order and a tokenizer that serves estimates.',
  });
}
