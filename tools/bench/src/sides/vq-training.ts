import type { Tensor } from '@tensorflow/tfjs';
import type { Tokenizer } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import { createEngine, type EngineOptions } from '@tessera/targets';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import { vqLoss } from '@tessera/training';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly engine: EngineOptions;
  readonly config: unknown;
  readonly batch: number;
}

const settings = sideSettings<Settings>();
const engine = createEngine(settings.engine);
const weights = freshWeights(1);
const tokenizer = vqTokenizer.build(vqTokenizer.config.parse(settings.config, 'bench'), { engine, weights });
const lossOf = vqLoss(tokenizer.model, { l1: 1, l2: 1, perceptual: null, adversarial: null });
const trainStep = engine.compileTrainStep({
  name: 'bench.vq',
  params: weights.params,
  loss: ({ image_BHWC }) => ({ loss: lossOf({ image_BHWC: image_BHWC! }).loss }),
  betas: [0.9, 0.99],
  eps: 1e-8,
  clip: 1,
  ema: false,
});
const batch = { image_BHWC: images(settings.batch, tokenizer.image) };
let key = 0;

await serveSide(`Tessera (${engine.target})`, async () => {
  const start = performance.now();
  const hyper = { learningRate: 1e-4, weightDecay: 0, emaDecay: 0, key: key++ };
  const result = await trainStep.run([batch], hyper);
  return { total: (performance.now() - start) / 1000, loss: result.loss };
});
engine.dispose();

/** Smooth patterns in [0, 1]; the same every time. */
function images(batch: number, { height, width, channels }: Tokenizer['image']): Tensor {
  const size = batch * height * width * channels;
  const data = Float32Array.from({ length: size }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.0173));
  return tensorFrom(data, [batch, height, width, channels]);
}
