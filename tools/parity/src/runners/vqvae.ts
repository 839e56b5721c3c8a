import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { accumulate, estimatesOf } from '@tessera/autoencoder';
import {
  accumulateGrowing,
  decodeFeatures,
  encodeFeatures,
  lookUp,
  openVqVae,
  pyramidOf,
  quantize,
  type VqVae,
} from '@tessera/tokenizer-vq';
import { configOf, vqConfigOf, weightFileOf } from '../case-config.ts';
import { readWeights, tensorOf } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { CaseWeights } from '../case-weights.ts';
import { imageTensor } from '../tensors.ts';
import { convStack, exact } from '../tolerance.ts';

/** The tokenizer from picture to picture: features, indices, running maps, pictures of every scale. */
export const vqvaeRunner: CaseRunner = {
  kind: 'vqvae',
  async run(file, { checks, engine }) {
    const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')));
    const model = openVqVae(vqConfigOf(configOf(file), file.name), weights);
    const program = engine.compile((image_BHWC: Tensor4D) => everything(model, image_BHWC), { name: 'parity.vqvae' });
    const image_BHWC = imageTensor(tensorOf(file, 'in.img'));
    const computed = await program(image_BHWC);
    const how = { tolerance: convStack, channelsFirst: true };
    for (const [name, tensor] of Object.entries(computed.images)) await checks.checkTensor(name, tensor, how);
    for (const [name, index] of Object.entries(computed.indices)) {
      await checks.checkTensor(name, index, { tolerance: exact });
    }
    await checks.checkTensor('out.var_input', computed.estimates_BlC, { tolerance: convStack });
    image_BHWC.dispose();
    program.dispose();
    weights.dispose();
  },
};

function everything(model: VqVae, image_BHWC: Tensor4D) {
  const { quantizer } = model;
  const images: Record<string, Tensor4D> = {};
  const indices: Record<string, Tensor> = {};
  images['out.f'] = encodeFeatures(model, image_BHWC, (path, output) => {
    if (path === 'encoder.conv_out') images['out.enc'] = output;
  });
  const { index_Bl, map_BHWC } = quantize(quantizer, images['out.f']);
  const picture = (map: Tensor4D): Tensor4D => tf.clipByValue(decodeFeatures(model, map), -1, 1);
  for (const [k, map] of map_BHWC.entries()) {
    images[`out.f_hat.${k}`] = map;
    images[`out.rec.${k}`] = picture(map);
    indices[`out.idx.${k}`] = index_Bl[k]!;
  }
  const tokens = index_Bl.map((index) => lookUp(quantizer, index));
  images['out.embed_to_fhat_last'] = accumulate(pyramidOf(quantizer), tokens);
  images['out.embed_to_fhat_nomax_last'] = accumulateGrowing(quantizer, tokens);
  images['out.idxBl_to_img_last'] = picture(images['out.embed_to_fhat_last']);
  images['out.fhat_to_img_unclamped'] = decodeFeatures(model, map_BHWC.at(-1)!);
  return { images, indices, estimates_BlC: estimatesOf(pyramidOf(quantizer), tf.concat(tokens, 1)) };
}
