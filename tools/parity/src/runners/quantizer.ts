import * as tf from '@tensorflow/tfjs';
import type { Tensor4D } from '@tensorflow/tfjs';
import { estimatesOf, type Size } from '@tessera/autoencoder';
import { lookUp, pyramidOf, quantize, takeQuantizer, type Quantizer } from '@tessera/tokenizer-vq';
import type { CaseConfig } from '../case-config.ts';
import { vqConfigOf } from '../case-config.ts';
import { metadataOf, tensorOf, type CaseFile } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { CaseWeights } from '../case-weights.ts';
import { imageTensor } from '../tensors.ts';
import { convStack, exact } from '../tolerance.ts';

/** A quantiser alone: indices and running maps, for its own scales or for a list given at the call. */
export const quantizerRunner: CaseRunner = {
  kind: 'quantizer',
  async run(file, { checks, engine }) {
    const weights = new CaseWeights(file.tensors, { rename: (name) => name.replace(/^quantize\./, 'w.') });
    const quantizer = takeQuantizer(weights, vqConfigOf(quantizerConfig(file), file.name));
    const sizes = sizesOf(metadataOf(file, 'v_patch_nums_argument'));
    const program = engine.compile((features_BHWC: Tensor4D) => everything(quantizer, features_BHWC, sizes), {
      name: 'parity.quantizer',
    });
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

function everything(quantizer: Quantizer, features_BHWC: Tensor4D, sizes: readonly Size[] | null) {
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
