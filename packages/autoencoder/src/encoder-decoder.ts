import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import type { Blocks, Layer } from './layers.ts';

/** A stack of levels, fine to coarse, each but the last half the size of the one before. */
export interface Levels {
  /** Width of the first level; level i has ch * ch_mult[i] channels. */
  readonly ch: number;
  readonly ch_mult: readonly number[];
  readonly num_res_blocks: number;
}

/** The shape of an encoder or a decoder. */
export interface StackShape {
  readonly levels: Levels;
  /** Input channels. */
  readonly inputs: number;
  /** Output channels. */
  readonly outputs: number;
  /** Whether attention follows every block of a level; the middle always has one. */
  readonly attends: (level: number) => boolean;
}

/** Picture in [-1, 1] to features: [B, H, W, inputs] -> [B, h, w, outputs]. */
export function encoderLayers(blocks: Blocks, { levels, inputs, outputs, attends }: StackShape): readonly Layer[] {
  const { ch, ch_mult, num_res_blocks } = levels;
  const layers = [blocks.conv('encoder.conv_in', { from: inputs, to: ch })];
  let channels = ch;
  for (const [level, times] of ch_mult.entries()) {
    for (let j = 0; j < num_res_blocks; j++) {
      layers.push(blocks.residual(`encoder.down.${level}.block.${j}`, { from: channels, to: ch * times }));
      channels = ch * times;
      if (attends(level)) layers.push(blocks.attention(`encoder.down.${level}.attn.${j}`, channels));
    }
    if (level < ch_mult.length - 1) layers.push(blocks.downsample(`encoder.down.${level}.downsample`, channels));
  }
  layers.push(
    ...middleLayers(blocks, 'encoder.mid', channels),
    blocks.norm('encoder.norm_out', channels),
    blocks.convOut('encoder.conv_out', { from: channels, to: outputs }),
  );
  return layers;
}

/**
 * Features to picture, unclamped: [B, h, w, inputs] -> [B, H, W, outputs]. Levels run from the last to the first, and
 * each has one block more than the encoder's.
 */
export function decoderLayers(blocks: Blocks, { levels, inputs, outputs, attends }: StackShape): readonly Layer[] {
  const { ch, ch_mult, num_res_blocks } = levels;
  const coarsest = ch_mult.length - 1;
  let channels = ch * ch_mult[coarsest]!;
  const layers = [
    blocks.conv('decoder.conv_in', { from: inputs, to: channels }),
    ...middleLayers(blocks, 'decoder.mid', channels),
  ];
  for (let level = coarsest; level >= 0; level--) {
    for (let j = 0; j <= num_res_blocks; j++) {
      const to = ch * ch_mult[level]!;
      layers.push(blocks.residual(`decoder.up.${level}.block.${j}`, { from: channels, to }));
      channels = to;
      if (attends(level)) layers.push(blocks.attention(`decoder.up.${level}.attn.${j}`, channels));
    }
    if (level > 0) layers.push(blocks.upsample(`decoder.up.${level}.upsample`, channels));
  }
  layers.push(
    blocks.norm('decoder.norm_out', channels),
    blocks.convOut('decoder.conv_out', { from: channels, to: outputs }),
  );
  return layers;
}

/** The coarsest level's block, attention, block. */
function middleLayers(blocks: Blocks, path: string, channels: number): readonly Layer[] {
  return [
    blocks.residual(`${path}.block_1`, { from: channels, to: channels }),
    blocks.attention(`${path}.attn_1`, channels),
    blocks.residual(`${path}.block_2`, { from: channels, to: channels }),
  ];
}

/** Pixels in [0, 1] to the network's [-1, 1]. */
export function toNetworkRange(pixels_BHWC: Tensor4D): Tensor4D {
  return tf.sub(tf.mul(pixels_BHWC, 2), 1);
}

/** The network's [-1, 1] to pixels in [0, 1]; what lies outside is clamped. */
export function toPixelRange(image_BHWC: Tensor4D): Tensor4D {
  return tf.mul(tf.add(tf.clipByValue(image_BHWC, -1, 1), 1), 0.5);
}
