import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type {
  BackboneDims,
  BuildContext,
  ConditionedBackbone,
  Conditioning,
  Context,
  Cut,
  Embedded,
  EmbeddedBatch,
  Hidden,
  Rollout,
  Step,
  TrainContext,
  TrainHidden,
  TrainTokens,
} from '@tessera/core';
import type { Engine, Program } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { defineBackbone } from '@tessera/plugin-kit';
import { HIDDEN } from '../attention.ts';
import { checkBatchLength } from '../checks.ts';
import { conditionFacts, embeddedAxes } from '../own-condition.ts';
import { intTensor } from '../positions.ts';
import { bufferTokens, decode, dropoutOf, embedTokens, encode, withMap, type MaskedModel } from './encoder-decoder.ts';
import { maskedConfig, takeParams, type MaskedConfig } from './params.ts';

const WHO = 'masked-encoder-decoder';

/**
 * The transformers of MAR (arXiv 2406.11838, section 3.4): the tokens of an image come in sets X^1, ..., X^K in random
 * order, and the likelihood is the product of p(X^k | X^1, ..., X^(k-1)) (equation 4). An encoder sees the known tokens, a
 * decoder fills in the others.
 */
export const maskedEncoderDecoder = defineBackbone({
  contract: 2,
  name: WHO,
  package: '@tessera/backbones',
  config: maskedConfig,
  describe: (config) => ({
    width: config.decoder.width,
    condition: conditionFacts(config, { width: config.encoder.width, none: 'parameter', initial: 0.02 }),
    reads: 'known',
    remembers: false,
    anySize: true,
  }),
  build: buildBackbone,
});

function buildBackbone(
  config: MaskedConfig,
  dims: BackboneDims,
  { engine, weights }: BuildContext,
): ConditionedBackbone {
  const model: MaskedModel = { config, dims, params: takeParams(config, dims, weights) };
  const program = compileStep(model, engine);
  return {
    width: config.decoder.width,
    reads: 'known',
    openRollout: async (conditioning) => openRollout(program, conditioning),
    teach: (batch, context) => teach(model, batch, context),
    dispose: () => program.dispose(),
  };
}

/**
 * Hidden states of all tokens after the cut, from those before it. The encoder sees the first `most` tokens of the order,
 * and a mask hides those that the cut of this batch leaves unknown: so one program serves all cuts. Traceable.
 * @throws TesseraError `batch-order`, `batch-length`, `batch-cut`
 */
export function teach(model: MaskedModel, batch: EmbeddedBatch, context: TrainContext): TrainHidden {
  const { known, least, most } = cutOf(batch, model);
  const { values_BLC, order_BL, rank_BL } = batch;
  const B = order_BL.shape[0];
  const drop = dropoutOf(model.config.dropout, context);
  const known_Bm = tf.slice(order_BL, [0, 0], [B, most]);
  const { vector_RD: vector_BD, sequence = null, map_RLD } = batch.embedded;
  const buffer_BPD = bufferTokens(model, vector_BD!);
  const tokens_BmD = () =>
    withMap(embedTokens(model, { values_BLC, known_Bk: known_Bm }), map_RLD, () => known_Bm as Tensor2D);
  const x_RtD = most === 0 ? buffer_BPD : tf.concat([buffer_BPD, tokens_BmD()], 1);
  const bias = least === most ? null : hideUnknown(model, { known, most });
  const encoded_RtD = encode(model, { x_RtD, sequence, bias, drop });
  const positions_Bl = tf.slice(order_BL, [0, least], [B, -1]) as Tensor2D;
  const values_BlD = decode(model, {
    encoded_RtD,
    sequence,
    map_RLD,
    rank_RL: rank_BL,
    known,
    positions_Rl: positions_Bl,
    drop,
  });
  return { values_BlD, positions_Bl };
}

/** Added to the encoder's scores, [1, 1, 1, P + most]: keys from the cut on are hidden. */
function hideUnknown({ config: { buffer } }: MaskedModel, { known, most }: Pick<Cut, 'known' | 'most'>): Tensor4D {
  const place_t = tf.range(0, buffer + most, 1, 'int32');
  const isHidden_t = tf.greaterEqual(place_t, tf.add(known, tf.scalar(buffer, 'int32')));
  return tf.reshape(tf.mul(tf.cast(isHidden_t, 'float32'), HIDDEN), [1, 1, 1, buffer + most]);
}

/** @throws TesseraError `batch-order`, `batch-length`, `batch-cut` */
function cutOf({ cut, order_BL }: TrainTokens, { dims }: MaskedModel): Cut {
  const { length } = dims.layout;
  if (cut === null) {
    throw new TesseraError({
      code: 'batch-order',
      who: WHO,
      got: 'a training batch that supervises every step',
      expected: 'one with a cut between known and predicted tokens',
      next: 'Train this backbone with the order of random sets.',
    });
  }
  checkBatchLength(order_BL.shape[1], length, WHO);
  const { least, most } = cut;
  if (Number.isInteger(least) && Number.isInteger(most) && least >= 0 && least <= most && most < length) return cut;
  throw new TesseraError({
    code: 'batch-cut',
    who: WHO,
    got: `a cut after ${least} to ${most} known tokens`,
    expected: `bounds from 0 to ${length - 1}, the lower one first: at least one token must be left to predict`,
  });
}

type StepInput = {
  /** The canvas. */
  readonly values_BLC: Tensor3D;
  /** Positions of known tokens. */
  readonly known_Bk: Tensor2D;
  /** The place of each position in `known_Bk`; those that are not known have `count` or more. */
  readonly rank_BL: Tensor2D;
  /** Scalar: k. */
  readonly count: Tensor;
  /** Positions to predict. */
  readonly positions_Bl: Tensor2D;
};

type RowsInput = {
  /** The conditions of the rows. */
  readonly embedded: Embedded;
  /** Which image each row belongs to: guided ones have two rows, which see the same tokens. */
  readonly row_R: Tensor1D;
};

/** A whole step as one program for all numbers of images, known tokens and predicted ones. */
type StepProgram = Program<[RowsInput, StepInput], Tensor3D>;

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
function compileStep(model: MaskedModel, engine: Engine): StepProgram {
  const step = (
    { embedded: { vector_RD, sequence: attended, map_RLD }, row_R }: RowsInput,
    { values_BLC, known_Bk, rank_BL, count, positions_Bl }: StepInput,
  ): Tensor3D => {
    const sequence = attended ?? null;
    const seen_RkD = tf.gather(embedTokens(model, { values_BLC, known_Bk }), row_R);
    const tokens_RkD = withMap(seen_RkD, map_RLD, () => tf.gather(known_Bk, row_R));
    const x_RtD = tf.concat([bufferTokens(model, vector_RD!), tokens_RkD], 1);
    return decode(model, {
      encoded_RtD: encode(model, { x_RtD, sequence, bias: null, drop: null }),
      sequence,
      map_RLD,
      rank_RL: tf.gather(rank_BL, row_R),
      known: count,
      positions_Rl: tf.gather(positions_Bl, row_R),
      drop: null,
    });
  };
  const axes = [...embeddedAxes(model.config), 'R', 'B . .', 'B k', 'B .', '', 'B l'];
  return engine.compile(step, { name: 'masked.step', axes });
}

/**
 * Begins one generation: rows 0..B-1 follow their conditions, and when guided, rows B..2B-1 none. Nothing is kept from
 * step to step: the canvas says which tokens are known.
 */
function openRollout(program: StepProgram, { batch, own, guided: both }: Conditioning): Rollout {
  const images = Array.from({ length: batch }, (_, image) => image);
  const unguidedRows: RowsInput = { embedded: own, row_R: intTensor(images) as Tensor1D };
  const guidedRows: RowsInput | null = both && {
    embedded: both,
    row_R: intTensor([...images, ...images]) as Tensor1D,
  };
  return {
    remembers: false,
    async forward(context: Context, step: Step, guided: boolean): Promise<Hidden> {
      const rowsOf = (guided && guidedRows) || unguidedRows;
      const input = await readCanvas(context, step);
      const running = program(rowsOf, { values_BLC: input.values_BLC, ...input.places });
      const values_RlD = await running.finally(() => Object.values(input.places).forEach((tensor) => tensor.dispose()));
      return { values_RlD, positions_Bl: step.positions_Bl, guided: rowsOf === guidedRows };
    },
    dispose: () => {
      for (const input of [unguidedRows, guidedRows]) input?.row_R.dispose();
    },
  };
}

interface CanvasInput {
  readonly values_BLC: Tensor3D;
  /** New tensors. */
  readonly places: Omit<StepInput, 'values_BLC'>;
}

/** The tokens of the canvas, and where each comes. @throws TesseraError `context-mismatch`, `known-uneven` */
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
  const counts = rows.map((positions) => positions.length);
  if (counts.some((one) => one !== count)) throw uneven(counts, step);
  const places = {
    known_Bk: intTensor(rows.flat(), [B, count]) as Tensor2D,
    rank_BL: intTensor(rank, [B, L]) as Tensor2D,
    count: intTensor([count], []),
    positions_Bl: intTensor(step.positions_Bl, [B, step.positions_Bl.length / B]) as Tensor2D,
  };
  return { values_BLC, places };
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
