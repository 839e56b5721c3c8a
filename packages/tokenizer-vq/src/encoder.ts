import type { Blocks } from './blocks.ts';
import type { VqConfig } from './config.ts';
import type { Layer } from './layer.ts';

/** Picture in [-1, 1] to features: [B, H, W, in_channels] -> [B, h, w, Cvae]. Attention at the last level and in the middle. */
export function encoderLayers(blocks: Blocks, config: VqConfig): readonly Layer[] {
  const { ch, ch_mult, num_res_blocks, in_channels, Cvae } = config;
  const layers = [blocks.conv('encoder.conv_in', { from: in_channels, to: ch })];
  let channels = ch;
  for (const [level, times] of ch_mult.entries()) {
    const last = level === ch_mult.length - 1;
    for (let j = 0; j < num_res_blocks; j++) {
      layers.push(blocks.residual(`encoder.down.${level}.block.${j}`, { from: channels, to: ch * times }));
      channels = ch * times;
      if (last) layers.push(blocks.attention(`encoder.down.${level}.attn.${j}`, channels));
    }
    if (!last) layers.push(blocks.downsample(`encoder.down.${level}.downsample`, channels));
  }
  layers.push(
    ...middleLayers(blocks, 'encoder.mid', channels),
    blocks.norm('encoder.norm_out', channels),
    blocks.convOut('encoder.conv_out', { from: channels, to: Cvae }),
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
