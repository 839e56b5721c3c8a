import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { nn } from '@tessera/engine';
import { apply, norm, runBlock } from './block.ts';
import type { MaskedConfig } from './config.ts';
import type { Dropout } from './dropout.ts';
import type { MaskedDims, MaskedParams, TransformerParams } from './params.ts';
import { flatIndex, rowsAt } from '../rows.ts';

/** A built model, as all passes through it need it. */
export interface MaskedModel {
  readonly config: MaskedConfig;
  readonly dims: MaskedDims;
  readonly params: MaskedParams;
}

export interface KnownTokens {
  /** All tokens; those that are not known are not read. */
  readonly values_BLC: Tensor3D;
  /** Positions of the known ones, int32. */
  readonly known_Bk: Tensor2D;
}

/** Known tokens for the encoder: embedded, with their places, normalised: [B, k, D]. */
export function embedTokens({ config, params }: MaskedModel, { values_BLC, known_Bk }: KnownTokens): Tensor3D {
  const { tokenEmbed, tokenNorm, encoder } = params;
  const places_BkD = nn.embedding(placesFrom(encoder.places, config.buffer), known_Bk);
  return norm(tf.add(apply(tokenEmbed, rowsAt(values_BLC, known_Bk)), places_BkD), tokenNorm);
}

/** Buffer tokens for the encoder: the class with their places, normalised: [R, P, D]. Label -1 is the null class. */
export function bufferTokens({ config, params }: MaskedModel, label_R: Tensor1D): Tensor3D {
  const { classEmbed, nullEmbed, tokenNorm, encoder } = params;
  const D = config.encoder.width;
  const [classes] = classEmbed.shape as [number];
  // Equal shapes, because the broadcast of tf.where would be another program for one row.
  const index_R = tf.where(tf.less(label_R, 0), tf.fill(label_R.shape, classes, 'int32'), label_R);
  const class_RD = nn.embedding(tf.concat([classEmbed, nullEmbed], 0), index_R);
  const class_R1D = tf.reshape(class_RD, [-1, 1, D]);
  const places_PD = tf.slice(encoder.places, [0, 0, 0], [1, config.buffer, D]);
  return norm(tf.add(class_R1D, places_PD), tokenNorm);
}

export interface EncoderInput {
  /** Buffer tokens and known tokens. */
  readonly x_RtD: Tensor3D;
  readonly bias: Tensor | null;
  readonly drop: Dropout | null;
}

/** [R, t, D of the encoder] */
export function encode({ config, params }: MaskedModel, { x_RtD, bias, drop }: EncoderInput): Tensor3D {
  const { heads } = config.encoder;
  return runBlocks(params.encoder, { x_RtD, heads, bias, at_Rl: null, drop: within(drop, 'encoder') });
}

export interface DecoderInput {
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
  const { positions_Rl, drop } = input;
  const x_RTD = tf.add(spread({ config, dims, params }, input), params.decoder.places) as Tensor3D;
  const hidden_RlD = runBlocks(params.decoder, {
    x_RtD: x_RTD,
    heads: decoder.heads,
    bias: null,
    at_Rl: tf.add(positions_Rl, tf.scalar(buffer, 'int32')),
    drop: within(drop, 'decoder'),
  });
  return tf.add(hidden_RlD, nn.embedding(placesFrom(params.headPlaces, 0), positions_Rl));
}

/** Encoded tokens at their positions and the mask token at all others, by one gather: [R, P + L, D]. */
export function spread(
  { config, params }: MaskedModel,
  { encoded_RtD, rank_RL, known }: Pick<DecoderInput, 'encoded_RtD' | 'rank_RL' | 'known'>,
): Tensor3D {
  const D = config.decoder.width;
  const [R, t] = encoded_RtD.shape;
  const P = config.buffer;
  const tokens = tf.reshape(apply(params.bridge, encoded_RtD), [R * t, D]);
  const table = tf.concat([tokens, tf.reshape(params.maskToken, [1, D])], 0);
  const buffer_RP = flatIndex(tf.tile(tf.reshape(tf.range(0, P, 1, 'int32'), [1, P]), [R, 1]) as Tensor2D, t);
  const known_RL = flatIndex(tf.add(rank_RL, tf.scalar(P, 'int32')), t);
  const source_RL = tf.where(tf.less(rank_RL, known), known_RL, tf.fill(known_RL.shape, R * t, 'int32'));
  return tf.gather(table, tf.concat([buffer_RP, source_RL], 1)) as Tensor3D;
}

interface BlocksInput extends EncoderInput {
  readonly heads: number;
  /** Tokens wanted of the last block. */
  readonly at_Rl: Tensor2D | null;
  readonly drop: Dropout | null;
}

function runBlocks({ blocks, norm: last }: TransformerParams, { at_Rl, drop, ...input }: BlocksInput): Tensor3D {
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

/** Rows of a table [1, n, D] from `start` on. */
function placesFrom(places: Tensor, start: number): Tensor2D {
  const [, n, D] = places.shape as [number, number, number];
  return tf.reshape(tf.slice(places, [0, start, 0], [1, n - start, D]), [n - start, D]);
}
