import type { Tensor4D } from '@tensorflow/tfjs';
import { fitPreview, toNetworkRange, type LinearPreview } from '@tessera/autoencoder';
import { nn, type Engine } from '@tessera/engine';
import { encodeFeatures, openVqVae, quantize, vqConfig, type VqVae } from '@tessera/tokenizer-vq';
import { previewOf } from './preview-fit.ts';
import type { TokenizerMeasures } from './tokenizer-measures.ts';

/** Codes need no scale: only the preview is fitted. */
export const vqMeasures: TokenizerMeasures = {
  relied: ['groups', 'quant_resi', 'share_quant_resi', 'using_znorm', 'patch_nums'],
  draft: (config) => config,
  async settle({ engine, data, config, weights }) {
    const model = openVqVae(vqConfig.parse(config, 'training'), weights);
    return { preview: await previewOf(data, (image_BHWC) => fitOnFeatures(engine, model, image_BHWC)) };
  },
};

/** Quantised features to the mean colour that they stand for. */
async function fitOnFeatures(engine: Engine, model: VqVae, image_BHWC: Tensor4D): Promise<LinearPreview> {
  const { height, width } = model.quantizer.sizes.at(-1)!;
  const program = engine.compile(
    (pixels_BHWC: Tensor4D) => ({
      map_BhwC: quantize(model.quantizer, encodeFeatures(model, toNetworkRange(pixels_BHWC))).map_BHWC.at(-1)!,
      colour_Bhwc: nn.resize(pixels_BHWC, height, width, 'area'),
    }),
    { name: 'preview-fit' },
  );
  const { map_BhwC, colour_Bhwc } = await program(image_BHWC);
  const fitted = fitPreview({
    latent_NC: await map_BhwC.data<'float32'>(),
    pixel_Nc: await colour_Bhwc.data<'float32'>(),
    count: image_BHWC.shape[0] * height * width,
  });
  for (const tensor of [map_BhwC, colour_Bhwc]) tensor.dispose();
  program.dispose();
  return fitted;
}
