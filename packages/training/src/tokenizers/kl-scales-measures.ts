import { fitPreviewOnImages, klScalesConfig, openKlVae } from '@tessera/tokenizer-continuous';
import { latentScaleOf } from './latent-scale.ts';
import { refuseMeasured } from './measured-fields.ts';
import { previewOf } from './preview-fit.ts';
import { scaleStdOf } from './scale-std.ts';
import type { TokenizerMeasures } from './tokenizer-measures.ts';

/** As of `kl`, and the standard deviation of every scale's part. */
export const klScalesMeasures: TokenizerMeasures = {
  relied: ['groups'],
  draft(config, who) {
    refuseMeasured(config, ['latentScale', 'scaleStd'], who);
    const scales: unknown = 'patch_nums' in config ? config.patch_nums : null;
    return { ...config, latentScale: 1, scaleStd: Array.isArray(scales) ? scales.map(() => 1) : [] };
  },
  async settle({ engine, data, config, weights, encoded }) {
    const { patch_nums, ...own } = klScalesConfig.parse(config, 'training');
    const model = openKlVae(own, weights);
    const preview = await previewOf(data, (image_BHWC) => fitPreviewOnImages(engine, model, image_BHWC));
    const latentScale = latentScaleOf(encoded);
    const scaleStd = (await scaleStdOf(engine, patch_nums, encoded)).map((std) =>
      Number((std * latentScale).toPrecision(6)),
    );
    return { latentScale, scaleStd, preview };
  },
};
