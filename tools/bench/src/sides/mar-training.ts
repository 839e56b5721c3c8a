import type { Tensor } from '@tensorflow/tfjs';
import { maskedEncoderDecoder } from '@tessera/backbones';
import { buildBackbone } from '@tessera/core';
import { tensorFrom, type TraceRng } from '@tessera/engine';
import { diffusionHead } from '@tessera/head-diffusion';
import { freshWeights } from '@tessera/models';
import { createEngine, type EngineOptions } from '@tessera/targets';
import { klTokenizer } from '@tessera/tokenizer-continuous';
import { type MaskedBatch, maskedLoss } from '@tessera/training';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly engine: EngineOptions;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly buffer: number;
  readonly side: number;
  readonly length: number;
  readonly channels: number;
  readonly classes: number;
  readonly headWidth: number;
  readonly headBlocks: number;
  readonly repeats: number;
  readonly dropout: number;
  readonly batch: number;
  readonly known: number;
}

const settings = sideSettings<Settings>();
const engine = createEngine(settings.engine);
const { params, loss } = buildParts(settings);
const trainStep = engine.compileTrainStep({
  name: 'bench.mar',
  params,
  loss,
  betas: [0.9, 0.95],
  eps: 1e-8,
  clip: 3,
  ema: true,
});
const batch = makeBatch(settings);
let key = 0;

await serveSide(`Tessera (${engine.target})`, async () => {
  const start = performance.now();
  const hyper = { learningRate: 1e-4, weightDecay: 0.02, emaDecay: 0.9999, key: key++ };
  const result = await trainStep.run([batch], hyper);
  return { total: (performance.now() - start) / 1000, loss: result.loss };
});
engine.dispose();

/** The parts as a trainer composes them; of the tokenizer only the posterior and the tokens' layout are used. */
function buildParts(size: Settings) {
  const { width, depth, heads, buffer, side, channels, classes, headWidth, headBlocks, repeats, dropout, known } = size;
  const frozen = freshWeights(1);
  const kl = { z_channels: channels, ch: 32, ch_mult: [1, 1], resolution: 2 * side, latentScale: 1 };
  const tokenizer = klTokenizer.build(klTokenizer.config.parse(kl, 'bench'), { engine, weights: frozen });
  const weights = freshWeights(2);
  const { space, layout } = tokenizer;
  const trunk = { depth, width, heads };
  const config = maskedEncoderDecoder.config.parse(
    { classes, encoder: trunk, decoder: trunk, buffer, dropout },
    'bench',
  );
  const backbone = buildBackbone(
    { plugin: maskedEncoderDecoder, config: config },
    { layout, space },
    { engine, weights },
  );
  const headConfig = diffusionHead.config.parse({ blocks: headBlocks, width: headWidth, repeats }, 'bench');
  const head = diffusionHead.build(headConfig, { width, space }, { engine, weights });
  const lossOf = maskedLoss(
    { tokenizer, backbone, head },
    { conditionDrop: 0.1, cuts: [{ least: known, most: known }] },
  );
  return {
    params: weights.params,
    loss: (given: Readonly<Record<string, Tensor>>, rng: TraceRng) => lossOf(given as unknown as MaskedBatch, rng),
  };
}

/** Zero means and log-variances: every step draws unit normal latents. One cut through orders that differ by image. */
function makeBatch({ batch: B, side, length, channels, classes, known }: Settings): Record<string, Tensor> {
  const order = Int32Array.from(
    { length: B * length },
    (_, i) => ((i % length) * 29 + Math.floor(i / length)) % length,
  );
  const rank = new Int32Array(B * length);
  for (const [i, position] of order.entries()) rank[i - (i % length) + position] = i % length;
  const hidden = length - known;
  return {
    moments: tensorFrom(new Float32Array(B * length * 2 * channels), [B, side, side, 2 * channels]),
    order_BL: tensorFrom(order, [B, length], 'int32'),
    rank_BL: tensorFrom(rank, [B, length], 'int32'),
    known: tensorFrom(Int32Array.of(known), [], 'int32'),
    weight_l: tensorFrom(new Float32Array(hidden).fill(1 / hidden), [hidden]),
    'condition.label_R': tensorFrom(
      Int32Array.from({ length: B }, (_, i) => (i * 61) % classes),
      [B],
      'int32',
    ),
  };
}
