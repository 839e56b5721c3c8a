import type { Blocks } from './blocks.ts';
import type { Layer } from './layer.ts';

/** A stack of levels, fine to coarse, each but the last half the size of the one before. */
export interface Levels {
  /** Width of the first level; level i has ch * ch_mult[i] channels. */
  readonly ch: number;
  readonly ch_mult: readonly number[];
  readonly num_res_blocks: number;
}

/** What an encoder or a decoder is. */
export interface StackShape {
  readonly levels: Levels;
  /** Channels that it takes. */
  readonly inputs: number;
  /** Channels that it gives. */
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

/** The coarsest level's block, attention, block. */
export function middleLayers(blocks: Blocks, path: string, channels: number): readonly Layer[] {
  return [
    blocks.residual(`${path}.block_1`, { from: channels, to: channels }),
    blocks.attention(`${path}.attn_1`, channels),
    blocks.residual(`${path}.block_2`, { from: channels, to: channels }),
  ];
}
