import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { accumulate, estimatesOf, type Size } from '@tessera/autoencoder';
import {
  accumulateGrowing,
  decodeFeatures,
  encodeFeatures,
  lookUp,
  openVqVae,
  pyramidOf,
  quantize,
  type Quantizer,
  takeQuantizer,
  type VqVae,
} from '@tessera/tokenizer-vq';
import { type CaseFile, metadataOf, readWeights, tensorOf } from '../case-file.ts';
import type { CaseRunner } from '../comparison.ts';
import { imageTensor } from '../case-tensors.ts';
import { CaseWeights } from '../case-weights.ts';
import { convStack, exact } from '../tolerance.ts';
import { type CaseConfig, configOf, vqConfigOf, weightFileOf } from '../var-case.ts';

/** The tokenizer from picture to picture: features, indices, running maps, pictures of every scale. */
export const vqvaeRunner: CaseRunner = {
  kind: 'vqvae',
  async run(file, { checks, engine }) {
    const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')));
    const model = openVqVae(vqConfigOf(configOf(file), file.name), weights);
    const program = engine.compile((image_BHWC: Tensor4D) => everythingOfVqVae(model, image_BHWC), {
      name: 'parity.vqvae',
    });
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

function everythingOfVqVae(model: VqVae, image_BHWC: Tensor4D) {
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

/** Case files call these two outputs by names of their own. */
const OTHER_NAMES: Readonly<Record<string, string>> = { quant_conv: 'f', post_quant_conv: 'post_quant' };

/** The output of every block of encoder and decoder, by module path. */
export const vqvaeLayersRunner: CaseRunner = {
  kind: 'vqvae.layers',
  async run(file, { checks, engine }) {
    const weights = new CaseWeights(await readWeights(file, weightFileOf(file, 'weights')));
    const model = openVqVae(vqConfigOf(configOf(file), file.name), weights);
    const program = engine.compile((image_BHWC: Tensor4D) => everyLayer(model, image_BHWC), { name: 'parity.layers' });
    const image_BHWC = imageTensor(tensorOf(file, 'in.img'));
    const outputs = await program(image_BHWC);
    for (const [path, output] of Object.entries(outputs)) {
      const name = `out.${path}`;
      if (checks.has(name)) await checks.checkTensor(name, output, { tolerance: convStack, channelsFirst: true });
      else output.dispose();
    }
    image_BHWC.dispose();
    program.dispose();
    weights.dispose();
  },
};

function everyLayer(model: VqVae, image_BHWC: Tensor4D): Record<string, Tensor4D> {
  const outputs: Record<string, Tensor4D> = {};
  const tap = (path: string, output: Tensor4D): void => {
    outputs[OTHER_NAMES[path] ?? path] = output;
  };
  const { map_BHWC } = quantize(model.quantizer, encodeFeatures(model, image_BHWC, tap));
  outputs['f_hat'] = map_BHWC.at(-1)!;
  decodeFeatures(model, outputs['f_hat'], tap);
  return outputs;
}

/** A quantiser alone: indices and running maps, for its own scales or for a list given at the call. */
export const quantizerRunner: CaseRunner = {
  kind: 'quantizer',
  async run(file, { checks, engine }) {
    const weights = new CaseWeights(file.tensors, { rename: (name) => name.replace(/^quantize\./, 'w.') });
    const quantizer = takeQuantizer(weights, vqConfigOf(quantizerConfig(file), file.name));
    const sizes = sizesOf(metadataOf(file, 'v_patch_nums_argument'));
    const program = engine.compile(
      (features_BHWC: Tensor4D) => everythingOfQuantizer(quantizer, features_BHWC, sizes),
      {
        name: 'parity.quantizer',
      },
    );
    const features_BHWC = imageTensor(tensorOf(file, 'in.f'));
    file.tensors.get('w.ema_vocab_hit_SV'); // counts of a training, which quantising does not read
    const { index_Bl, map_BHWC, estimates_BlC } = await program(features_BHWC);
    for (const [k, index] of index_Bl.entries()) await checks.checkTensor(`out.idx.${k}`, index, { tolerance: exact });
    const how = { tolerance: convStack, channelsFirst: true };
    for (const [k, map] of map_BHWC.entries()) await checks.checkTensor(`out.f_hat.${k}`, map, how);
    if (checks.has('out.var_input'))
      await checks.checkTensor('out.var_input', estimates_BlC!, { tolerance: convStack });
    else estimates_BlC?.dispose();
    features_BHWC.dispose();
    program.dispose();
    weights.dispose();
  },
};

function everythingOfQuantizer(quantizer: Quantizer, features_BHWC: Tensor4D, sizes: readonly Size[] | null) {
  const { index_Bl, map_BHWC } = quantize(quantizer, features_BHWC, sizes ?? quantizer.sizes);
  if (sizes !== null) return { index_Bl, map_BHWC, estimates_BlC: null };
  const tokens_BLC = tf.concat(
    index_Bl.map((index) => lookUp(quantizer, index)),
    1,
  );
  return { index_Bl, map_BHWC, estimates_BlC: estimatesOf(pyramidOf(quantizer), tokens_BLC) };
}

/** The quantiser's arguments; what the encoder and decoder would need is filled in and never used. */
function quantizerConfig(file: CaseFile): CaseConfig {
  const read = (key: string): unknown => metadataOf(file, key);
  const own = [...file.tensors.keys()].filter((name) => /^w\.quant_resi\.\d+\.weight$/.test(name));
  return {
    V: read('V'),
    Cvae: read('Cvae'),
    patch_nums: read('patch_nums'),
    quant_resi: read('quant_resi'),
    share_quant_resi: read('share_quant_resi'),
    using_znorm: read('using_znorm'),
    default_qresi_counts: own.length,
    ch: 32,
  };
}

function sizesOf(list: unknown): readonly Size[] | null {
  if (list === null) return null;
  return (list as (number | [number, number])[]).map((size) => {
    const [height, width] = typeof size === 'number' ? [size, size] : size;
    return { height, width };
  });
}
