import { maskedEncoderDecoder, takeMaskedParams, type MaskedConfig, type MaskedModel } from '@tessera/backbones';
import type { Backbone, Head } from '@tessera/core';
import type { Engine } from '@tessera/engine';
import { diffusionHead, type DiffusionOptions } from '@tessera/head-diffusion';
import { configOfKlState } from '@tessera/models';
import { klConfig, klTokenizer, type KlTokenizer } from '@tessera/tokenizer-continuous';
import { configOf, weightFileOf } from './case-config.ts';
import { readWeights, type CaseFile } from './case-file.ts';
import { CaseWeights } from './case-weights.ts';
import { diffusionConfigOf, marSizes, maskedConfigOf, type MarSizes } from './mar-config.ts';

/** Tokenizer, transformers and head of a case, with the weight files that it names. */
export interface MarParts {
  readonly sizes: MarSizes;
  readonly tokenizer: KlTokenizer;
  readonly backbone: Backbone;
  readonly head: Head<DiffusionOptions>;
  /** Weights of transformers and head. */
  readonly weights: CaseWeights;
  /** The transformers once more, to look inside. */
  readonly model: MaskedModel;
  dispose(): void;
}

export interface MarPartsOptions {
  readonly engine: Engine;
  /** Makes variables of the transformers' and head's parameters. */
  readonly train?: boolean;
}

export async function openMarParts(file: CaseFile, { engine, train = false }: MarPartsOptions): Promise<MarParts> {
  const config = configOf(file);
  const sizes = marSizes(config, file.name);
  const { tokenizer, frozen } = await openTokenizer(file, { engine, sizes });
  const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')), { train });
  const { space, layout } = tokenizer;
  const masked: MaskedConfig = maskedEncoderDecoder.config.parse(maskedConfigOf(config, file.name), file.name);
  const backbone = maskedEncoderDecoder.build(masked, { layout, space }, { engine, weights });
  const headConfig = diffusionHead.config.parse(diffusionConfigOf(config, file.name), file.name);
  const head = diffusionHead.build(headConfig, { width: backbone.width, space }, { engine, weights });
  const dims = { layout, space };
  return {
    sizes,
    tokenizer,
    backbone,
    head,
    weights,
    model: { config: masked, dims, params: takeMaskedParams(masked, dims, weights.again()) },
    dispose() {
      for (const part of [head, backbone, tokenizer, weights, frozen]) part.dispose();
    },
  };
}

/** Where a case shows no pictures it names no tokenizer: one of zeros stands in, whose tokens are real ones. */
async function openTokenizer(
  file: CaseFile,
  { engine, sizes }: { readonly engine: Engine; readonly sizes: MarSizes },
): Promise<{ tokenizer: KlTokenizer; frozen: CaseWeights }> {
  const { latentScale, side: tokensAcross, patch: patchSize } = sizes;
  if (!hasPictures(file)) {
    const frozen = new CaseWeights(new Map(), { blank: true });
    return { tokenizer: klTokenizer.build(blankConfig(file, sizes), { engine, weights: frozen }), frozen };
  }
  const tensors = await readWeights(file, weightFileOf(file, 'weights_kl'));
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const config = configOfKlState(shapes, { who: file.name, tokensAcross, patchSize, latentScale });
  const frozen = new CaseWeights(tensors);
  return { tokenizer: klTokenizer.build(config, { engine, weights: frozen }), frozen };
}

/** Whether the case names a tokenizer to decode with. */
export function hasPictures({ metadata }: CaseFile): boolean {
  const path = metadata.get('weights_kl');
  return path !== undefined && path !== 'null';
}

function blankConfig({ name }: CaseFile, { image, stride, patch, latentChannels, latentScale }: MarSizes) {
  const levels = Array.from({ length: Math.log2(stride) + 1 }, () => 1);
  const stack = { ch: 32, ch_mult: levels, num_res_blocks: 1, in_channels: 3, attn_resolutions: [] };
  const latents = { z_channels: latentChannels, resolution: image, patch_size: patch, latentScale };
  return klConfig.parse({ ...stack, ...latents }, name);
}
