import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { BackboneDims, Embedded, TrainContext } from '@tessera/core';
import { nn } from '@tessera/engine';
import { headsFirst } from '../attention.ts';
import { crossAttend, hideFilling, seeSequence } from '../cross-attention.ts';
import { linear, type LinearParams } from '../linear.ts';
import { flatIndex, placesIn, rowsAt } from '../positions.ts';
import type { BlockParams, MaskedConfig, MaskedParams, NormParams, TransformerParams } from './params.ts';

/*
 * The transformers of MAR (arXiv 2406.11838, sections 3.4 and 4.2), in the manner of MAE (arXiv 2111.06377): an encoder of
 * the known tokens, and a decoder of all positions with mask tokens at the unknown ones. Attention goes both ways in both.
 * Pure and traceable functions.
 */

const NORM_EPS = 1e-6;

/** A built model, as all passes through it need it. */
export interface MaskedModel {
  readonly config: MaskedConfig;
  readonly dims: BackboneDims;
  readonly params: MaskedParams;
}

interface KnownTokens {
  /** All tokens; those that are not known are not read. */
  readonly values_BLC: Tensor3D;
  /** Positions of the known ones, int32. */
  readonly known_Bk: Tensor2D;
}

/** Known tokens for the encoder: embedded, with their places, normalised: [B, k, D]. */
export function embedTokens({ config, params, dims }: MaskedModel, { values_BLC, known_Bk }: KnownTokens): Tensor3D {
  const { tokenEmbed, tokenNorm, encoder } = params;
  const places_BkD = nn.embedding(placesIn(dims, placesFrom(encoder.places, config.buffer)), known_Bk);
  return norm(tf.add(linear(rowsAt(values_BLC, known_Bk), tokenEmbed), places_BkD), tokenNorm);
}

/** The P buffer tokens before those of the image: the condition with their places, normalised: [R, P, D]. */
export function bufferTokens({ config, params }: MaskedModel, vector_RD: Tensor2D): Tensor3D {
  const { tokenNorm, encoder } = params;
  const D = config.encoder.width;
  const places_PD = tf.slice(encoder.places, [0, 0, 0], [1, config.buffer, D]);
  return norm(tf.add(tf.reshape(vector_RD, [-1, 1, D]), places_PD), tokenNorm);
}

/** Known tokens with the vectors of the condition's map at their positions, for the encoder: [R, k, D]. */
export function withMap(x_RkD: Tensor3D, map_RLD: Tensor3D | undefined, known_Rk: () => Tensor2D): Tensor3D {
  return map_RLD ? tf.add(x_RkD, rowsAt(map_RLD, known_Rk())) : x_RkD;
}

/** What the tokens attend to besides each other: the sequence of the condition; null for nothing. */
export type Attended = NonNullable<Embedded['sequence']> | null;

interface EncoderInput {
  readonly sequence: Attended;
  /** Buffer tokens and known tokens. */
  readonly x_RtD: Tensor3D;
  readonly bias: Tensor | null;
  readonly drop: Dropout | null;
}

/** Buffer and known tokens, each seeing all others: [R, t, D of the encoder]. */
export function encode({ config, params }: MaskedModel, { x_RtD, sequence, bias, drop }: EncoderInput): Tensor3D {
  const { heads } = config.encoder;
  return runBlocks(params.encoder, { x_RtD, sequence, heads, bias, at_Rl: null, drop: within(drop, 'encoder') });
}

interface DecoderInput {
  readonly sequence: Attended;
  /** The map of the condition, [R, L, D of the encoder]. */
  readonly map_RLD?: Tensor3D | undefined;
  /** The encoder's result: P buffer tokens, then known ones. */
  readonly encoded_RtD: Tensor3D;
  /** The place of every position among the encoder's tokens; from `known` on, positions are unknown. int32 */
  readonly rank_RL: Tensor2D;
  /** int32 scalar */
  readonly known: Tensor;
  /** Positions whose hidden states are wanted, int32. */
  readonly positions_Rl: Tensor2D;
  readonly drop: Dropout | null;
}

/** Hidden states for the head, [R, l, D of the decoder]. The last block computes the wanted positions alone. */
export function decode({ config, dims, params }: MaskedModel, input: DecoderInput): Tensor3D {
  const { buffer, decoder } = config;
  const { positions_Rl, map_RLD, drop } = input;
  const placed_RTD = tf.add(
    spread({ config, dims, params }, input),
    decoderPlaces(dims, params.decoder, buffer),
  ) as Tensor3D;
  const x_RTD = map_RLD ? (tf.add(placed_RTD, mapFor(params, map_RLD, buffer)) as Tensor3D) : placed_RTD;
  const hidden_RlD = runBlocks(params.decoder, {
    x_RtD: x_RTD,
    sequence: input.sequence,
    heads: decoder.heads,
    bias: null,
    at_Rl: tf.add(positions_Rl, tf.scalar(buffer, 'int32')),
    drop: within(drop, 'decoder'),
  });
  return tf.add(hidden_RlD, nn.embedding(placesIn(dims, placesFrom(params.headPlaces, 0)), positions_Rl));
}

/** The map of the condition for the decoder; buffer tokens have none: [R, P + L, D]. */
function mapFor({ mapEmbed }: MaskedParams, map_RLD: Tensor3D, buffer: number): Tensor3D {
  return tf.pad(linear(map_RLD, mapEmbed!), [
    [0, 0],
    [buffer, 0],
    [0, 0],
  ]);
}

/** Encoded tokens at their positions and the mask token at all others, by one gather: [R, P + L, D]. */
export function spread(
  { config, params }: MaskedModel,
  { encoded_RtD, rank_RL, known }: Pick<DecoderInput, 'encoded_RtD' | 'rank_RL' | 'known'>,
): Tensor3D {
  const D = config.decoder.width;
  const [R, t] = encoded_RtD.shape;
  const P = config.buffer;
  const tokens = tf.reshape(linear(encoded_RtD, params.bridge), [R * t, D]);
  const table = tf.concat([tokens, tf.reshape(params.maskToken, [1, D])], 0);
  const buffer_RP = flatIndex(tf.tile(tf.reshape(tf.range(0, P, 1, 'int32'), [1, P]), [R, 1]) as Tensor2D, t);
  const known_RL = flatIndex(tf.add(rank_RL, tf.scalar(P, 'int32')), t);
  const source_RL = tf.where(tf.less(rank_RL, known), known_RL, tf.fill(known_RL.shape, R * t, 'int32'));
  return tf.gather(table, tf.concat([buffer_RP, source_RL], 1)) as Tensor3D;
}

interface StackInput extends EncoderInput {
  readonly heads: number;
  /** Tokens wanted of the last block. */
  readonly at_Rl: Tensor2D | null;
  readonly drop: Dropout | null;
}

function runBlocks({ blocks, norm: last }: TransformerParams, { at_Rl, drop, ...input }: StackInput): Tensor3D {
  const x_RlD = blocks.reduce(
    (x_RtD, block, index) =>
      runBlock(block, {
        ...input,
        x_RtD,
        at_Rl: index === blocks.length - 1 ? at_Rl : null,
        drop: within(drop, `${index}`),
      }),
    input.x_RtD,
  );
  return norm(x_RlD, last);
}

function within(drop: Dropout | null, outer: string): Dropout | null {
  return drop && ((x, place) => drop(x, `${outer}.${place}`));
}

/** Places of all tokens, the P buffer tokens first, which lie in no picture: [P + L, D], or with a first axis of 1. */
function decoderPlaces(dims: BackboneDims, { places }: TransformerParams, buffer: number): Tensor {
  if (!dims.trained) return places;
  const D = places.shape[2]!;
  const buffer_PD = tf.reshape(tf.slice(places, [0, 0, 0], [1, buffer, D]), [buffer, D]);
  return tf.concat([buffer_PD, placesIn(dims, placesFrom(places, buffer))], 0);
}

/** Rows of a table [1, n, D] from `start` on. */
function placesFrom(places: Tensor, start: number): Tensor2D {
  const [, n, D] = places.shape as [number, number, number];
  return tf.reshape(tf.slice(places, [0, start, 0], [1, n - start, D]), [n - start, D]);
}

export interface BlockInput {
  readonly x_RtD: Tensor3D;
  readonly sequence: Attended;
  readonly heads: number;
  /** Added to the scores: [1, 1, 1, t]; null where every token sees all. */
  readonly bias: Tensor | null;
  /** The only tokens whose result is wanted, [R, l]; null for all. */
  readonly at_Rl: Tensor2D | null;
  readonly drop: Dropout | null;
}

/**
 * One pre-norm transformer block (ViT, arXiv 2010.11929, equations 2 and 3): attention and feed-forward, each added to its
 * input.
 */
export function runBlock(params: BlockParams, input: BlockInput): Tensor3D {
  const { x_RtD, at_Rl, drop } = input;
  const kept_RlD = at_Rl ? rowsAt(x_RtD, at_Rl) : x_RtD;
  const own_RlD = tf.add(kept_RlD, attend(params, input)) as Tensor3D;
  const middle_RlD = input.sequence ? attendTo(params, own_RlD, { ...input, sequence: input.sequence }) : own_RlD;
  const active = nn.gelu(linear(norm(middle_RlD, params.norm2), params.fc1), 'erf');
  const fed_RlD = linear(drop?.(active, 'activation') ?? active, params.fc2);
  return tf.add(middle_RlD, drop?.(fed_RlD, 'feed-forward') ?? fed_RlD);
}

function attendTo(
  { cross }: BlockParams,
  x_RlD: Tensor3D,
  { sequence, heads }: { readonly sequence: NonNullable<Attended>; readonly heads: number },
): Tensor3D {
  const seen = seeSequence(cross!, sequence.values_RSD, heads);
  return tf.add(x_RlD, crossAttend(cross!, { x_RlD, seen, bias_R11S: hideFilling(sequence) }));
}

export function norm(x: Tensor3D, { weight_D, bias_D }: NormParams): Tensor3D {
  return nn.layerNorm(x, NORM_EPS, weight_D, bias_D);
}

function attend(params: BlockParams, { x_RtD, heads, bias, at_Rl, drop }: BlockInput): Tensor3D {
  const normed_RtD = norm(x_RtD, params.norm1);
  const asked_RlD = at_Rl ? rowsAt(normed_RtD, at_Rl) : normed_RtD;
  const [q, k, v] = queriesKeysValues(params.qkv, normed_RtD, asked_RlD).map((x) => splitHeads(x, heads));
  const attended_RNlH = mix({ q: q!, k: k!, v: v! }, bias, drop);
  const joined_RlD = tf.reshape(tf.transpose(attended_RNlH, [0, 2, 1, 3]), asked_RlD.shape) as Tensor3D;
  const projected_RlD = linear(joined_RlD, params.proj);
  return drop?.(projected_RlD, 'projection') ?? projected_RlD;
}

/** Queries of some tokens, keys and values of all. */
function queriesKeysValues(layer: LinearParams, all_RtD: Tensor3D, asked_RlD: Tensor3D): Tensor3D[] {
  if (all_RtD === asked_RlD) return tf.split(linear(all_RtD, layer), 3, 2);
  const D = all_RtD.shape[2];
  const [queries, keysValues] = [0, 1].map((part) => ({
    weight_OI: tf.slice(layer.weight_OI, [part * D, 0], [(part + 1) * D, D]),
    bias_O: tf.slice(layer.bias_O, [part * D], [(part + 1) * D]),
  }));
  return [linear(asked_RlD, queries!), ...(tf.split(linear(all_RtD, keysValues!), 2, 2) as Tensor3D[])];
}

function splitHeads(x_RtD: Tensor3D, heads: number): Tensor4D {
  const [R, t, D] = x_RtD.shape;
  return headsFirst(tf.reshape(x_RtD, [R, t, heads, D / heads]));
}

interface Heads {
  readonly q: Tensor4D;
  readonly k: Tensor4D;
  readonly v: Tensor4D;
}

/** Softmax attention. Dropout acts on the attention weights, which the fused attention does not expose. */
function mix({ q, k, v }: Heads, bias: Tensor | null, drop: Dropout | null): Tensor4D {
  const scale = 1 / Math.sqrt(q.shape[3]);
  if (!drop) return nn.attention(q, k, v, scale, bias);
  const scores = tf.matMul(tf.mul(q, scale), k, false, true);
  return tf.matMul(drop(tf.softmax(bias ? tf.add(scores, bias) : scores), 'attention'), v);
}

/** Sets numbers to zero by chance and scales the others up; `place` names the random stream. */
type Dropout = <T extends Tensor>(x: T, place: string) => T;

/** Null where nothing is dropped. */
export function dropoutOf(rate: number, { rng, train }: TrainContext): Dropout | null {
  if (!train || rate === 0) return null;
  const keep = 1 - rate;
  return <T extends Tensor>(x: T, place: string): T => {
    const kept = tf.cast(tf.less(rng.uniform(`dropout.${place}`, x.shape), keep), 'float32');
    return tf.mul(x, tf.mul(kept, 1 / keep));
  };
}
