import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type {
  BackboneDims,
  Embedded,
  EmbeddedBatch,
  Layout,
  TrainContext,
  TrainHidden,
  TrainTokens,
  Weights,
} from '@tessera/core';
import { nn, type Engine, type Program } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { refuseCut } from '../checks.ts';
import { maskOf, spansOf } from '../class-modulated/attention.ts';
import { compileSteps, type ClassModulatedModel, type StepPrograms } from '../class-modulated/cache.ts';
import { takerOf, takeStack, type ClassModulatedConfig, type ClassModulatedParams } from '../class-modulated/params.ts';
import { dropPath, forward, modulationsOf, type Modulated } from '../class-modulated/transformer.ts';
import { linear, type LinearParams } from '../linear.ts';
import { embeddedAxes } from '../own-condition.ts';
import { placesIn, scaleOfPositions } from '../positions.ts';

/*
 * The next-scale transformer of VAR (arXiv 2404.02905, section 3.2): its parameters, how tokens enter it, teacher forcing,
 * and the programs of sampling. The blocks themselves: ../class-modulated/transformer.ts.
 */

export const WHO = 'next-scale-transformer';

/** A built model, as all passes through it need it. */
export interface NextScaleModel extends ClassModulatedModel {
  readonly dims: BackboneDims;
  readonly params: NextScaleParams;
}

interface NextScaleParams extends ClassModulatedParams {
  /** [1, p_0^2, D], p_0 the side of the first scale of the layout that it was trained on. */
  readonly posStart: Tensor;
  /** [1, L, D], L the tokens of that layout. */
  readonly pos: Tensor;
  /** [S, D] */
  readonly levelEmbed: Tensor;
  readonly wordEmbed: LinearParams;
}

/** Takes parameters under the official names, with the official initialisation and decay. */
export function takeParams(config: ClassModulatedConfig, dims: BackboneDims, weights: Weights): NextScaleParams {
  const { width: D } = config;
  const { length, scales } = dims.trained ?? dims.layout;
  const take = takerOf(weights, D);
  return {
    posStart: take.table('pos_start', [1, scales[0]!.height * scales[0]!.width, D], false),
    pos: take.table('pos_1LC', [1, length, D], false),
    wordEmbed: take.linear('word_embed', [D, dims.space.channels]),
    levelEmbed: take.table('lvl_embed.weight', [scales.length, D], false),
    ...takeStack(config, take),
  };
}

/** The tokens of the first scale before places are added: the condition as the start token [s], [R, p_0^2, D]. */
export function startOf({ params: { posStart }, dims }: PlacedModel, vector_RD: Tensor2D): Tensor3D {
  const [R, D] = vector_RD.shape;
  const [, n] = posStart.shape;
  const places_pD = placesIn(dims, tf.reshape(posStart, [n!, D]));
  return tf.add(tf.reshape(vector_RD, [R, 1, D]), places_pD);
}

type PlacedModel = Pick<NextScaleModel, 'params' | 'dims'>;

/** Estimates of later scales as tokens, before places are added: [B, l, C] -> [B, l, D]. */
export function wordsOf({ wordEmbed }: NextScaleParams, values_BlC: Tensor3D): Tensor3D {
  return linear(values_BlC, wordEmbed);
}

/** What is added to the tokens of the first `length` positions: position and scale, [length, D]. */
export function placesOf({ params: { pos, levelEmbed }, dims }: PlacedModel, length: number): Tensor2D {
  const [, n, D] = pos.shape as [number, number, number];
  const pos_LD = placesIn(dims, tf.reshape(pos, [n, D]));
  const scale_l = tf.tensor1d(scaleOfPositions(dims.layout, length), 'int32');
  return tf.add(tf.slice(pos_LD, [0, 0], [length, D]), nn.embedding(levelEmbed, scale_l));
}

/** `placesOf`, where the map of a condition is added: [R, length, D]. */
function mappedPlaces(places_lD: Tensor2D, map_RLD: Tensor3D): Tensor3D {
  const [R, , D] = map_RLD.shape;
  return tf.add(tf.slice(map_RLD, [0, 0, 0], [R, places_lD.shape[0], D]), places_lD);
}

/**
 * Block-causal mask of the first `length` positions, [1, 1, length, length]: a token sees its own scale and all before
 * (VAR, figure 4).
 */
export function blockCausalMask(layout: Layout, length: number): Tensor4D {
  return maskOf(scaleOfPositions(layout, length));
}

/**
 * Hidden states of all positions at once, each seeing its own scale and those before (teacher forcing). The batch's
 * length says how many scales it has: progressive training gives the first ones only. Traceable.
 * @throws TesseraError `batch-order`, `batch-length`
 */
export function teach(model: NextScaleModel, batch: EmbeddedBatch, context: TrainContext): TrainHidden {
  const { config, dims, params } = model;
  const { layout } = dims;
  const length = batchLength(batch, layout);
  const { vector_RD: vector_BD, map_RLD: map_BLD } = batch.embedded;
  const start_BpD = startOf(model, vector_BD!);
  const { estimates_BLC } = batch;
  const words = estimates_BLC && estimates_BLC.shape[1] > 0 ? [wordsOf(params, estimates_BLC)] : [];
  const tokens_BlD = tf.concat([start_BpD, ...words], 1);
  const places_lD = placesOf(model, length);
  const { hidden_RlD } = forward(params, {
    x_RlD: tf.add(tokens_BlD, map_BLD ? mappedPlaces(places_lD, map_BLD) : places_lD),
    modulations: modulationsOf(params, batch.embedded, config.heads),
    heads: config.heads,
    past: null,
    bias: null,
    spans: spansOf(scaleOfPositions(layout, length)),
    ...dropPath(config, context),
  });
  return { values_BlD: hidden_RlD, positions_Bl: null };
}

function batchLength({ estimates_BLC, cut }: TrainTokens, layout: Layout): number {
  const first = layout.scales[0]!.height * layout.scales[0]!.width;
  const length = first + (estimates_BLC?.shape[1] ?? 0);
  refuseCut(cut, { who: WHO, order: 'the next-scale order' });
  const ends = layout.scales.map(({ start, height, width }) => start + height * width);
  if (ends.includes(length)) return length;
  throw new TesseraError({
    code: 'batch-length',
    who: WHO,
    got: `a training batch of ${length} positions`,
    expected: `whole scales, ending at one of ${ends.join(', ')}`,
    next: 'Cut training batches at the end of a scale.',
  });
}

/** What a rollout computes from its conditions, for all scales. */
export type Opening = Modulated & {
  /** The first scale's tokens, with their places, [R, p_0^2, D]. */
  readonly start_RlD: Tensor3D;
  /** What is added to later tokens: [L, D], or [R, L, D] where each row has a map of its own. */
  readonly places: Tensor2D | Tensor3D;
};

export type Estimates = {
  readonly values_BlC: Tensor3D;
  /** Their positions, the same in every row; int32. */
  readonly positions_l: Tensor1D;
};

/** The compiled pieces of a rollout. Sizes that change from step to step are named axes: one program serves all scales. */
export interface NextScalePrograms extends StepPrograms {
  readonly open: Program<[Embedded], Opening>;
  /** Estimates as tokens with their places; `row_R` says which image each row continues. */
  readonly embed: Program<[estimates: Estimates, places: Tensor2D | Tensor3D, row_R: Tensor1D], Tensor3D>;
  dispose(): void;
}

/** Nothing is compiled before its first call: a backbone that never samples costs nothing here. */
export function compilePrograms(model: NextScaleModel, engine: Engine): NextScalePrograms {
  const {
    config,
    params,
    dims: { layout },
  } = model;
  const opening = (embedded: Embedded): Opening => {
    const places_LD = placesOf(model, layout.length);
    const start = startOf(model, embedded.vector_RD!);
    const { map_RLD } = embedded;
    const places = map_RLD ? mappedPlaces(places_LD, map_RLD) : places_LD;
    const from = places.rank === 2 ? [start.shape[1], -1] : [-1, start.shape[1], -1];
    const start_RlD = tf.add(
      start,
      tf.slice(
        places,
        from.map(() => 0),
        from,
      ),
    ) as Tensor3D;
    return { start_RlD, places, ...modulationsOf(params, embedded, config.heads) };
  };
  const embedding = (
    { values_BlC, positions_l }: Estimates,
    places: Tensor2D | Tensor3D,
    row_R: Tensor1D,
  ): Tensor3D => {
    const words_BlD = wordsOf(params, values_BlC);
    if (places.rank === 2) return tf.gather(tf.add(words_BlD, tf.gather(places, positions_l)) as Tensor3D, row_R);
    return tf.add(tf.gather(words_BlD, row_R), tf.gather(places as Tensor3D, positions_l, 1));
  };
  const open = engine.compile(opening, { name: 'next-scale.open', axes: embeddedAxes(config) });
  const embed = engine.compile(embedding, {
    name: 'next-scale.embed',
    axes: ['B l .', 'l', config.map ? 'R . .' : '. .', 'R'],
  });
  const { step, whole, grow } = compileSteps(model, engine, 'next-scale');
  const programs = [open, embed, step, whole];
  return { open, embed, step, whole, grow, dispose: () => programs.forEach((program) => program.dispose()) };
}
