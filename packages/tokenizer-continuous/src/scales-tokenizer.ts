import * as tf from '@tensorflow/tfjs';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  estimatesOf,
  keepMask,
  linearPreview,
  ProgramSet,
  scaleCanvases,
  ScalePrograms,
  toPixelRange,
  type OpenScaleCanvas,
  type Pyramid,
  type ScaleModel,
} from '@tessera/autoencoder';
import { checkImage, type BuildContext, type Encoding, type Tokenizer, type TokenizerPlugin } from '@tessera/core';
import { defineTokenizer } from '@tessera/plugin-kit';
import { decodeLatent, openKlVae, type KlVae } from './kl-vae.ts';
import { latentPyramid, toScaleTokens } from './latent-scales.ts';
import { drawLatent } from './posterior.ts';
import { encodePixels } from './programs.ts';
import { describeKlScales, klScalesConfig, type KlScalesConfig } from './scales-config.ts';

/** The KL-VAE as a tokenizer of scales, with its network in reach of trainers and tests. */
export interface KlScalesTokenizer extends Tokenizer {
  readonly model: KlVae;
  readonly openCanvas: OpenScaleCanvas;
}

export type KlScalesTokenizerPlugin = TokenizerPlugin<KlScalesConfig, KlScalesTokenizer>;

const WHO = 'tokenizer-continuous';

/**
 * Tokenizer `kl-scales`: the network and weights of `kl`, its latents taken apart into scales as VAR does with codes
 * (arXiv 2404.02905), for next-scale prediction of continuous tokens. Latents times `latentScale` have a standard deviation
 * of about one over all, and so have the estimates made of them; every scale's part is brought to one by `scaleStd`.
 */
export const klScalesTokenizer: KlScalesTokenizerPlugin = defineTokenizer({
  contract: 1,
  name: 'kl-scales',
  package: '@tessera/tokenizer-continuous',
  config: klScalesConfig,
  describe: describeKlScales,
  build: openKlScalesTokenizer,
});

/** The parameters stay with whoever gave the weights; `dispose` releases the compiled programs alone. */
function openKlScalesTokenizer(config: KlScalesConfig, { engine, weights }: BuildContext): KlScalesTokenizer {
  const model = openKlVae(config, weights);
  const programs = new ProgramSet(engine, 'kl-scales');
  const { space, layout, serves } = describeKlScales(config);
  const { resolution, in_channels, latentScale } = config;
  const image = { height: resolution, width: resolution, channels: in_channels };
  const pyramid = latentPyramid(config);
  return {
    model,
    space,
    layout,
    serves,
    image,
    async encode(image_BHWC: Tensor4D): Promise<Encoding> {
      checkImage(image_BHWC, image, WHO);
      return { moments: await encodePixels(programs, model)(image_BHWC) };
    },
    draw(encoding, rng) {
      const latent_BHWC = tf.mul<Tensor4D>(drawLatent(encoding, rng, WHO), latentScale);
      return { values_BlC: toScaleTokens(latent_BHWC, config) };
    },
    ...(layout.scales.length > 1 && { estimates: (values_BLC: Tensor3D) => estimatesOf(pyramid, values_BLC) }),
    keepMask: (mask) => keepMask(layout, mask, WHO),
    openCanvas: scaleCanvases({
      who: `${WHO} canvas`,
      programs: new ScalePrograms(programs, scaleModel(model, { pyramid })),
      layout,
      channels: space.channels,
    }),
    dispose: () => programs.dispose(),
  };
}

function scaleModel(model: KlVae, { pyramid }: { pyramid: Pyramid }): ScaleModel {
  const { preview, latentScale } = model.config;
  const latent = (map_BHWC: Tensor4D): Tensor4D => tf.div(map_BHWC, latentScale);
  return {
    who: WHO,
    pyramid,
    decode: (map_BHWC) => toPixelRange(decodeLatent(model, latent(map_BHWC))),
    preview: preview && ((map_BHWC) => linearPreview(preview, latent(map_BHWC))),
  };
}
