import { maskedEncoderDecoder } from '@tessera/backbones';
import { randomSetsOrder, type Parts } from '@tessera/core';
import { diffusionHead } from '@tessera/head-diffusion';
import { configOfKlState, configOfMarState, recordedShapes } from '@tessera/models';
import { klConfig, klTokenizer, type KlConfig } from '@tessera/tokenizer-continuous';
import type { StateKind } from './inventory.ts';

const NO_BUFFERS = (): boolean => false;
const STACK = { ch: 32, ch_mult: [1], num_res_blocks: 1, attn_resolutions: [], latentScale: 1 };

/** State dicts of MAR: transformers with denoiser, and KL-VAE. */
export const marStates: readonly StateKind[] = [
  {
    mark: 'diffusion_pos_embed_learned',
    isBuffer: NO_BUFFERS,
    asked(shapes, engine) {
      // Shapes do not depend on the number of heads.
      const heads = { encoder: 1, decoder: 1 };
      const { backbone, head, length, channels } = configOfMarState(shapes, { who: 'parity', heads });
      const latents = { z_channels: channels, resolution: Math.sqrt(length) };
      const tokenizer = klConfig.parse({ ...STACK, ...latents }, 'parity');
      const asked = recordedShapes(partsOf(tokenizer, backbone, head), engine);
      return new Map([...asked.backbone, ...asked.head]);
    },
  },
  {
    mark: 'encoder.mid.attn_1.q.weight',
    isBuffer: NO_BUFFERS,
    asked(shapes, engine) {
      const config = configOfKlState(shapes, { who: 'parity', latentScale: 1 });
      const transformer = { depth: 1, width: 64, heads: 1 };
      const sizes = { classes: 1, encoder: transformer, decoder: transformer };
      const backbone = maskedEncoderDecoder.config.parse(sizes, 'parity');
      const head = diffusionHead.config.parse({ blocks: 1, width: 64 }, 'parity');
      return recordedShapes(partsOf(config, backbone, head), engine).tokenizer;
    },
  },
];

function partsOf(tokenizer: KlConfig, backbone: unknown, head: unknown): Parts {
  return {
    tokenizer: { plugin: klTokenizer, config: tokenizer },
    order: { plugin: randomSetsOrder, config: {} },
    backbone: { plugin: maskedEncoderDecoder, config: backbone },
    head: { plugin: diffusionHead, config: head },
  } as Parts;
}
