import type { Tensor } from '@tensorflow/tfjs';
import type { BackboneDims, Init, Weights } from '@tessera/core';
import { schema, type OutputOf } from '@tessera/schema';
import { takeCross, type CrossParams } from '../cross-attention.ts';
import type { LinearParams } from '../linear.ts';
import { classesMisfit } from '../own-condition.ts';

const { boolean, object, integer, number, optional, refine } = schema;
/** Far above any trained model, and small enough that a damaged file cannot exhaust the memory. */
const upTo = (max: number) => integer({ min: 1, max });

const transformer = refine(object({ depth: upTo(512), width: upTo(65536), heads: upTo(1024) }), ({ width, heads }) =>
  width % heads === 0 ? null : 'a width that its heads divide',
);

/** One of the two transformers. */
export type TransformerConfig = OutputOf<typeof transformer>;

const fields = object({
  /** Left out: the model names a condition part. */
  classes: optional(upTo(2 ** 20), undefined),
  /** Every block attends to the sequence of the condition too: see cross-attention.ts. */
  attends: optional(boolean(), false),
  /** The map of the condition is added to the tokens of both transformers, by position. */
  map: optional(boolean(), false),
  /** Sees the known tokens alone. */
  encoder: transformer,
  /** Sees all positions. */
  decoder: transformer,
  /** Tokens of the condition put before those of the image. */
  buffer: optional(upTo(4096), 64),
  /** Hidden width of the feed-forward layers as a multiple of the width. */
  mlpRatio: optional(number({ min: 0.25, max: 64 }), 4),
  /** In training: of attention weights and of what the layers add. */
  dropout: optional(number({ min: 0, max: 0.99 }), 0.1),
});

/** Configuration of the masked encoder-decoder (MAR, arXiv 2406.11838, sections 3.4 and 4.2). */
export const maskedConfig = refine(fields, classesMisfit);

export type MaskedConfig = OutputOf<typeof maskedConfig>;

export interface NormParams {
  readonly weight_D: Tensor;
  readonly bias_D: Tensor;
}

export interface BlockParams {
  readonly norm1: NormParams;
  readonly qkv: LinearParams;
  readonly proj: LinearParams;
  /** Null where the condition is no sequence. */
  readonly cross: CrossParams | null;
  readonly norm2: NormParams;
  readonly fc1: LinearParams;
  readonly fc2: LinearParams;
}

export interface TransformerParams {
  /** [1, P + L, D]: buffer tokens first; L the tokens of the layout that it was trained on. */
  readonly places: Tensor;
  readonly blocks: readonly BlockParams[];
  readonly norm: NormParams;
}

export interface MaskedParams {
  readonly tokenEmbed: LinearParams;
  readonly tokenNorm: NormParams;
  readonly encoder: TransformerParams;
  /** From the encoder's width to the decoder's. */
  readonly bridge: LinearParams;
  /** The map of the condition for the decoder, from the encoder's width; null where there is none. */
  readonly mapEmbed: LinearParams | null;
  /** Stands for unknown tokens, [1, 1, D]. */
  readonly maskToken: Tensor;
  readonly decoder: TransformerParams;
  /** Added to the hidden states, [1, L, D]. */
  readonly headPlaces: Tensor;
}

/** Takes parameters under the official names, with the official initialisation and decay. */
export function takeParams(config: MaskedConfig, dims: BackboneDims, weights: Weights): MaskedParams {
  const { buffer, encoder, decoder } = config;
  const { length } = dims.trained ?? dims.layout;
  const take = takerOf(weights);
  const transformer = (name: string, of: TransformerConfig): TransformerParams => ({
    places: take.table(`${name}_pos_embed_learned`, [1, buffer + length, of.width]),
    blocks: Array.from({ length: of.depth }, (_, block) =>
      takeBlock(`${name}_blocks.${block}`, { config, width: of.width }, take),
    ),
    norm: take.norm(`${name}_norm`, of.width),
  });
  return {
    tokenEmbed: take.linear('z_proj', [encoder.width, dims.space.channels]),
    tokenNorm: take.norm('z_proj_ln', encoder.width),
    encoder: transformer('encoder', encoder),
    bridge: take.linear('decoder_embed', [decoder.width, encoder.width]),
    mapEmbed: config.map ? take.linear('map_embed', [decoder.width, encoder.width]) : null,
    maskToken: take.table('mask_token', [1, 1, decoder.width]),
    decoder: transformer('decoder', decoder),
    headPlaces: take.table('diffusion_pos_embed_learned', [1, length, decoder.width]),
  };
}

function takeBlock(
  name: string,
  { config, width: D }: { readonly config: MaskedConfig; readonly width: number },
  take: Taker,
): BlockParams {
  const hidden = Math.round(D * config.mlpRatio);
  const from = config.encoder.width;
  return {
    norm1: take.norm(`${name}.norm1`, D),
    qkv: take.linear(`${name}.attn.qkv`, [3 * D, D]),
    proj: take.linear(`${name}.attn.proj`, [D, D]),
    cross: config.attends ? takeCross(take.weights, `${name}.cross`, { width: D, from }) : null,
    norm2: take.norm(`${name}.norm2`, D),
    fc1: take.linear(`${name}.mlp.fc1`, [hidden, D]),
    fc2: take.linear(`${name}.mlp.fc2`, [D, hidden]),
  };
}

type Taker = ReturnType<typeof takerOf>;

/** Tables start normal, matrices uniform (Glorot & Bengio 2010). Everything decays that has more than one axis. */
function takerOf(weights: Weights) {
  const table: Init = { kind: 'normal', std: 0.02 };
  const vector = (name: string, size: number, kind: 'zeros' | 'ones'): Tensor =>
    weights.param(name, [size], { init: { kind }, decay: false });
  return {
    weights,
    table: (name: string, shape: readonly number[]): Tensor => weights.param(name, shape, { init: table, decay: true }),
    linear: (name: string, [outputs, inputs]: readonly [number, number]): LinearParams => {
      const init: Init = { kind: 'uniform', bound: Math.sqrt(6 / (inputs + outputs)) };
      return {
        weight_OI: weights.param(`${name}.weight`, [outputs, inputs], { init, decay: true }),
        bias_O: vector(`${name}.bias`, outputs, 'zeros'),
      };
    },
    norm: (name: string, size: number): NormParams => ({
      weight_D: vector(`${name}.weight`, size, 'ones'),
      bias_D: vector(`${name}.bias`, size, 'zeros'),
    }),
  };
}
