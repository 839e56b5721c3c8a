import { fitPreviewOnImages, klConfig, openKlVae } from '@tessera/tokenizer-continuous';
import { latentScaleOf } from './latent-scale.ts';
import { refuseMeasured } from './measured-fields.ts';
import { previewOf } from './preview-fit.ts';
import type { TokenizerMeasures } from './tokenizer-measures.ts';

/** The scale of latents is measured, never assumed. */
export const klMeasures: TokenizerMeasures = {
  relied: ['groups'],
  draft(config, who) {
    refuseMeasured(config, ['latentScale'], who);
    return { ...config, latentScale: 1 };
  },
  async settle({ engine, data, config, weights, encoded }) {
    const model = openKlVae(klConfig.parse(config, 'training'), weights);
    const preview = await previewOf(data, (image_BHWC) => fitPreviewOnImages(engine, model, image_BHWC));
    return { latentScale: latentScaleOf(encoded), preview };
  },
};
