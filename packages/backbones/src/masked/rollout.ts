import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { Context, Guidance, Hidden, Rollout, Row, Step } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { checkLabel } from '../label.ts';
import type { MaskedModel } from './forward.ts';
import type { RowsInput, StepInput, StepProgram } from './programs.ts';
import { labelOf } from '@tessera/core';

const WHO = 'masked-encoder-decoder';

/**
 * Begins one generation: rows 0..B-1 follow their labels, and when guided, rows B..2B-1 the null class. Nothing is kept
 * from step to step: which tokens are known is read from the canvas.
 * @throws TesseraError `label-out-of-range`
 */
export function openRollout(
  { model, program }: { readonly model: MaskedModel; readonly program: StepProgram },
  rows: readonly Row[],
  guidance: Guidance,
): Rollout {
  const labels = rows.map(({ condition }) => checkLabel(labelOf(condition), model.config.classes, WHO));
  const images = [...labels.keys()];
  const once: RowsInput = { label_R: intTensor(labels) as Tensor1D, row_R: intTensor(images) as Tensor1D };
  const twice: RowsInput | null = guidance.active
    ? {
        label_R: intTensor([...labels, ...labels.map(() => -1)]) as Tensor1D,
        row_R: intTensor([...images, ...images]) as Tensor1D,
      }
    : null;
  return {
    remembers: false,
    async forward(context: Context, step: Step, guided: boolean): Promise<Hidden> {
      const rowsOf = (guided && twice) || once;
      const input = await readCanvas(context, step);
      const running = program(rowsOf, { values_BLC: input.values_BLC, ...input.places });
      const values_RlD = await running.finally(() => Object.values(input.places).forEach((tensor) => tensor.dispose()));
      return { values_RlD, positions_Bl: step.positions_Bl, guided: rowsOf === twice };
    },
    dispose: () => {
      for (const input of [once, twice]) for (const tensor of Object.values(input ?? {})) tensor.dispose();
    },
  };
}

interface CanvasInput {
  readonly values_BLC: Tensor3D;
  /** New tensors. */
  readonly places: Omit<StepInput, 'values_BLC'>;
}

/** What a step reads. @throws TesseraError `context-mismatch`, `known-uneven` */
async function readCanvas(context: Context, step: Step): Promise<CanvasInput> {
  if (context.reads !== 'known') throw contextMismatch(context, step);
  const { values_BLC, known_BL } = context;
  const [B, L] = known_BL.shape;
  const known = await known_BL.data<'float32'>();
  const rank = new Int32Array(B * L).fill(L);
  const rows = Array.from({ length: B }, (_, row) => {
    const positions = [...known.subarray(row * L, (row + 1) * L).keys()].filter(
      (position) => known[row * L + position],
    );
    for (const [place, position] of positions.entries()) rank[row * L + position] = place;
    return positions;
  });
  const count = rows[0]!.length;
  if (rows.some((positions) => positions.length !== count))
    throw uneven(
      rows.map((positions) => positions.length),
      step,
    );
  const places = {
    known_Bk: intTensor(rows.flat(), [B, count]) as Tensor2D,
    rank_BL: intTensor(rank, [B, L]) as Tensor2D,
    count: intTensor([count], []),
    positions_Bl: intTensor(step.positions_Bl, [B, step.positions_Bl.length / B]) as Tensor2D,
  };
  return { values_BLC, places };
}

function intTensor(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
  return tensorFrom(Int32Array.from(values), shape, 'int32');
}

function contextMismatch({ reads }: Context, { index }: Step): TesseraError {
  return new TesseraError({
    code: 'context-mismatch',
    who: WHO,
    got: `a context of '${reads}' at step ${index}`,
    expected: 'the known tokens',
    next: 'Compose this backbone with a tokenizer that serves known tokens.',
  });
}

function uneven(counts: readonly number[], { index }: Step): TesseraError {
  return new TesseraError({
    code: 'known-uneven',
    who: WHO,
    got: `${counts.join(', ')} known tokens in the rows of step ${index}`,
    expected: 'equally many in every row',
    next: 'Put images with different masks into requests of their own.',
  });
}
