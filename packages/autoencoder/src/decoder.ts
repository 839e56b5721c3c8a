import type { Blocks } from './blocks.ts';
import { middleLayers, type StackShape } from './encoder.ts';
import type { Layer } from './layer.ts';

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
