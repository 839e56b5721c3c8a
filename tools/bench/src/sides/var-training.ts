import type { Tensor } from '@tensorflow/tfjs';
import { nextScaleTransformer } from '@tessera/backbones';
import { buildBackbone } from '@tessera/core';
import { tensorFrom, type TraceRng } from '@tessera/engine';
import { categoricalHead } from '@tessera/head-categorical';
import { freshWeights } from '@tessera/models';
import { createEngine, type EngineOptions } from '@tessera/targets';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import { nextScaleLoss, type ScaleBatch } from '@tessera/training';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly engine: EngineOptions;
  readonly depth: number;
  readonly heads: number;
  readonly width: number;
  readonly patchNums: readonly number[];
  readonly channels: number;
  readonly vocabulary: number;
  readonly classes: number;
  readonly batch: number;
}

const settings = sideSettings<Settings>();
const engine = createEngine(settings.engine);
const { loss, params } = buildParts(settings);
const trainStep = engine.compileTrainStep({
  name: 'bench.var',
  params,
  loss,
  betas: [0.9, 0.95],
  eps: 1e-8,
  clip: 2,
  ema: false,
});
const batch = makeBatch(settings);
let key = 0;

await serveSide(`Tessera (${engine.target})`, async () => {
  const start = performance.now();
  const hyper = { learningRate: 1e-4, weightDecay: 0.05, emaDecay: 0, key: key++ };
  const result = await trainStep.run([batch], hyper);
  return { total: (performance.now() - start) / 1000, loss: result.loss };
});
engine.dispose();

/** The parts as a trainer composes them; of the tokenizer only the codebook and phi are used. */
function buildParts({ depth, heads, width, patchNums, channels, vocabulary, classes }: Settings) {
  const frozen = freshWeights(1);
  const config = vqTokenizer.config.parse({ V: vocabulary, Cvae: channels, ch: 32, patch_nums: patchNums }, 'bench');
  const tokenizer = vqTokenizer.build(config, { engine, weights: frozen });
  const weights = freshWeights(2);
  const { space, layout } = tokenizer;
  const size = nextScaleTransformer.config.parse({ depth, heads, width, classes }, 'bench');
  const backbone = buildBackbone(
    { plugin: nextScaleTransformer, config: size },
    { layout, space },
    { engine, weights },
  );
  const head = categoricalHead.build(categoricalHead.config.parse({}, 'bench'), { width, space }, { engine, weights });
  const lossOf = nextScaleLoss({ tokenizer, backbone, head }, { conditionDrop: 0.1 });
  return {
    params: weights.params,
    loss: (given: Readonly<Record<string, Tensor>>, rng: TraceRng) => lossOf(given as unknown as ScaleBatch, rng),
  };
}

function makeBatch({ patchNums, vocabulary, classes, batch: B }: Settings): Record<string, Tensor> {
  const length = patchNums.reduce((sum, side) => sum + side * side, 0);
  const index = Int32Array.from({ length: B * length }, (_, i) => (i * 7919) % vocabulary);
  const label = Int32Array.from({ length: B }, (_, i) => (i * 61) % classes);
  return {
    index_BL: tensorFrom(index, [B, length], 'int32'),
    'condition.label_R': tensorFrom(label, [B], 'int32'),
    weight_L: tensorFrom(new Float32Array(length).fill(1 / length), [length]),
  };
}
