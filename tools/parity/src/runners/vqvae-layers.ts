import type { Tensor4D } from '@tensorflow/tfjs';
import { decodeFeatures, encodeFeatures, openVqVae, quantize, type VqVae } from '@tessera/tokenizer-vq';
import { configOf, vqConfigOf, weightFileOf } from '../case-config.ts';
import { readWeights, tensorOf } from '../case-file.ts';
import type { CaseRunner } from '../case-runner.ts';
import { CaseWeights } from '../case-weights.ts';
import { imageTensor } from '../tensors.ts';
import { convStack } from '../tolerance.ts';

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
