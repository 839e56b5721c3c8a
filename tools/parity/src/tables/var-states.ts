import { nextScaleOrder, type Parts } from '@tessera/core';
import { nextScaleTransformer } from '@tessera/backbones';
import { categoricalHead } from '@tessera/head-categorical';
import { configOfVarState, configOfVqState, isDerived, patchNumsOf, recordedShapes } from '@tessera/models';
import { USAGE_BUFFER, vqTokenizer } from '@tessera/tokenizer-vq';
import type { StateKind } from './inventory.ts';

/** State dicts of VAR: transformer with head, and VQ-VAE. */
export const varStates: readonly StateKind[] = [
  {
    mark: 'pos_1LC',
    isBuffer: isDerived,
    asked(shapes, engine) {
      const { backbone, patchNums } = configOfVarState(shapes, { who: 'parity' });
      const vocabulary = shapes.get('head.weight')?.[0] ?? 0;
      const channels = shapes.get('word_embed.weight')?.[1] ?? 0;
      const sizes = { V: vocabulary, Cvae: channels, ch: 32, patch_nums: patchNums };
      const tokenizer = vqTokenizer.config.parse(sizes, 'parity');
      const asked = recordedShapes(partsOf(tokenizer, backbone), engine);
      return new Map([...asked.backbone, ...asked.head]);
    },
  },
  {
    mark: 'quantize.embedding.weight',
    isBuffer: (name) => name === USAGE_BUFFER,
    asked(shapes, engine) {
      const config = configOfVqState(shapes, { who: 'parity', patchNums: patchNumsOf[256] });
      const backbone = nextScaleTransformer.config.parse({ classes: 1, depth: 1, width: 64, heads: 1 }, 'parity');
      return recordedShapes(partsOf(config, backbone), engine).tokenizer;
    },
  },
];

function partsOf(tokenizer: unknown, backbone: unknown): Parts {
  return {
    tokenizer: { plugin: vqTokenizer, config: tokenizer },
    order: { plugin: nextScaleOrder, config: {} },
    backbone: { plugin: nextScaleTransformer, config: backbone },
    head: { plugin: categoricalHead, config: {} },
  } as Parts;
}
