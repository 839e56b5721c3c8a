import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BackboneDims, Embedded, EmbeddedBatch, TrainContext, TrainHidden, Weights } from '@tessera/core';
import { nn, type Engine, type Program } from '@tessera/engine';
import { checkBatchLength, refuseCut } from '../checks.ts';
import { maskOf } from '../class-modulated/attention.ts';
import { compileSteps, type ClassModulatedModel, type StepPrograms } from '../class-modulated/cache.ts';
import { takerOf, takeStack, type ClassModulatedConfig, type ClassModulatedParams } from '../class-modulated/params.ts';
import { dropPath, forward, modulationsOf, type Modulated } from '../class-modulated/transformer.ts';
import { linear, type LinearParams } from '../linear.ts';
import { embeddedAxes } from '../own-condition.ts';
import { placesIn, rowsAt, scaleOfPositions } from '../positions.ts';

/*
 * The causal transformer: its parameters, how tokens enter it, teacher forcing, and the programs of sampling. The blocks
 * themselves: ../class-modulated/transformer.ts.
 */

export const WHO = 'causal-transformer';

/** A built model, as all passes through it need it. */
export interface CausalModel extends ClassModulatedModel {
  readonly dims: BackboneDims;
  readonly params: CausalParams;
}

interface CausalParams extends ClassModulatedParams {
  /** Added to the condition for the first input, [1, 1, D]. */
  readonly start: Tensor;
  /** Where a seen token lies, [1, L, D]. */
  readonly pos: Tensor;
  /** Which position is to be predicted, [1, L, D]. */
  readonly nextPos: Tensor;
  /** Which scale is to be predicted, [S, D]; null where there is one. */
  readonly levelEmbed: Tensor | null;
  readonly wordEmbed: LinearParams;
}

/** Takes parameters with the names, initialisation and decay of the official VAR, as far as it has them. */
export function takeParams(
  config: ClassModulatedConfig,
  { layout, space, trained = layout }: BackboneDims,
  weights: Weights,
): CausalParams {
  const { width: D } = config;
  const { length, scales } = trained;
  const take = takerOf(weights, D);
  return {
    start: take.table('pos_start', [1, 1, D], false),
    pos: take.table('pos_1LC', [1, length, D], false),
    nextPos: take.table('next_pos_1LC', [1, length, D], false),
    wordEmbed: take.linear('word_embed', [D, space.channels]),
    levelEmbed: scales.length > 1 ? take.table('lvl_embed.weight', [scales.length, D], false) : null,
    ...takeStack(config, take),
  };
}

/** The first input before its instruction: the condition itself, [R, 1, D]. */
function startOf({ params: { start } }: CausalModel, vector_RD: Tensor2D): Tensor3D {
  const [R, D] = vector_RD.shape;
  return tf.add(tf.reshape(vector_RD, [R, 1, D]), start);
}

type SeenTokens = {
  readonly values_BlC: Tensor3D;
  /** Where they lie; int32. */
  readonly positions_Bl: Tensor2D;
};

/** Seen tokens with their places, before their instructions: [B, l, D]. */
function seenTokens({ params: { pos, wordEmbed }, dims }: CausalModel, seen: SeenTokens): Tensor3D {
  const { values_BlC, positions_Bl } = seen;
  const words_BlD = linear<Tensor>(values_BlC, wordEmbed);
  return tf.add(words_BlD, nn.embedding(placesIn(dims, rowsOf(pos)), positions_Bl)) as Tensor3D;
}

/**
 * Position instructions (sigma-GPT, arXiv 2404.09562, section 2): what tells an input which position comes next (int32),
 * and of which scale it is: [B, l, D].
 */
function instructions({ dims, params }: CausalModel, positions_Bl: Tensor2D): Tensor3D {
  const { layout } = dims;
  const { nextPos, levelEmbed } = params;
  const next_LD = placesIn(dims, rowsOf(nextPos));
  if (!levelEmbed) return nn.embedding(next_LD, positions_Bl) as Tensor3D;
  const scale_L = tf.tensor1d(scaleOfPositions(layout, layout.length), 'int32');
  return nn.embedding(tf.add(next_LD, nn.embedding(levelEmbed, scale_L)), positions_Bl) as Tensor3D;
}

/** Inputs of rows that have a map: its vectors at the positions that come next are added. */
function mapped(x_RlD: Tensor3D, map_RLD: Tensor3D | undefined, next_Rl: () => Tensor2D): Tensor3D {
  return map_RLD ? tf.add(x_RlD, rowsAt(map_RLD, next_Rl())) : x_RlD;
}

/** A table [1, L, D] as [L, D]. */
function rowsOf(table: Tensor): Tensor2D {
  return tf.reshape(table, table.shape.slice(1) as [number, number]);
}

/**
 * Hidden states of all tokens at once, each image in its own order, where every token sees only those before it (teacher
 * forcing). Traceable.
 * @throws TesseraError `batch-order`, `batch-length`
 */
export function teach(model: CausalModel, batch: EmbeddedBatch, context: TrainContext): TrainHidden {
  const { config, dims, params } = model;
  const { order_BL, values_BLC } = batch;
  const { vector_RD: vector_BD, map_RLD: map_BLD } = batch.embedded;
  refuseCut(batch.cut, { who: WHO, order: 'an order of one token a step' });
  const [B, L] = order_BL.shape;
  checkBatchLength(L, dims.layout.length, WHO);
  const start_B1D = startOf(model, vector_BD!);
  const positions_Bl = tf.slice(order_BL, [0, 0], [B, L - 1]) as Tensor2D;
  const seen = L === 1 ? [] : [seenTokens(model, { values_BlC: rowsAt(values_BLC, positions_Bl), positions_Bl })];
  const x_BLD = tf.add(tf.concat([start_B1D, ...seen], 1), instructions(model, order_BL)) as Tensor3D;
  const { hidden_RlD } = forward(params, {
    x_RlD: mapped(x_BLD, map_BLD, () => order_BL),
    modulations: modulationsOf(params, batch.embedded, config.heads),
    heads: config.heads,
    past: null,
    bias: maskOf(placesInOrder(L)),
    ...dropPath(config, context),
  });
  return { values_BlD: hidden_RlD, positions_Bl: order_BL };
}

/** The place of every token in the order: each sees itself and what came before (see `maskValues`). */
export function placesInOrder(length: number): Int32Array {
  return Int32Array.from({ length }, (_, place) => place);
}

/** What a rollout computes from its conditions, for all steps. */
export type Opening = Modulated & {
  /** The first input, before its instruction. */
  readonly start_R1D: Tensor3D;
};

/** The map of the rows' conditions, where there is one. */
export type Mapped = {
  readonly map_RLD?: Tensor3D;
};

export type Newest = SeenTokens & {
  /** Positions to predict. */
  readonly next_Bl: Tensor2D;
};

/** The compiled pieces of a rollout. */
export interface CausalPrograms extends StepPrograms {
  readonly open: Program<[Embedded], Opening>;
  /** The first input with its instruction. */
  readonly begin: Program<[start_R1D: Tensor3D, map: Mapped, next_R1: Tensor2D], Tensor3D>;
  /** Newest tokens as inputs; `row_R` says which image each row continues. */
  readonly embed: Program<[Newest, map: Mapped, row_R: Tensor1D], Tensor3D>;
  dispose(): void;
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compilePrograms(model: CausalModel, engine: Engine): CausalPrograms {
  const opening = (embedded: Embedded): Opening => ({
    start_R1D: startOf(model, embedded.vector_RD!),
    ...modulationsOf(model.params, embedded, model.config.heads),
  });
  const beginning = (start_R1D: Tensor3D, { map_RLD }: Mapped, next_R1: Tensor2D): Tensor3D =>
    mapped(tf.add(start_R1D, instructions(model, next_R1)), map_RLD, () => next_R1);
  const embedding = ({ next_Bl, ...seen }: Newest, { map_RLD }: Mapped, row_R: Tensor1D): Tensor3D => {
    const x_BlD = tf.add(seenTokens(model, seen), instructions(model, next_Bl)) as Tensor3D;
    return mapped(tf.gather(x_BlD, row_R), map_RLD, () => tf.gather(next_Bl, row_R));
  };
  const map = model.config.map ? ['R . .'] : [];
  const open = engine.compile(opening, { name: 'causal.open', axes: embeddedAxes(model.config) });
  const begin = engine.compile(beginning, { name: 'causal.begin', axes: ['R . .', ...map, 'R .'] });
  const embed = engine.compile(embedding, { name: 'causal.embed', axes: ['B . .', 'B .', 'B .', ...map, 'R'] });
  const { step, whole, grow } = compileSteps(model, engine, 'causal');
  const programs = [open, begin, embed, step, whole];
  return { open, begin, embed, step, whole, grow, dispose: () => programs.forEach((program) => program.dispose()) };
}
