import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { maskedEncoderDecoder } from '@tessera/backbones';
import type { Layout, Space } from '@tessera/core';
import { createEngine, keyedRng, tensorFrom, type TraceRng } from '@tessera/engine';
import { diffusionHead } from '@tessera/head-diffusion';
import { freshWeights } from '@tessera/models';
import { serveSide, sideSettings } from './serve-side.ts';

interface Settings {
  readonly threads: number;
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
const engine = createEngine({ target: 'onnx', threads: settings.threads });
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

/** The parts as a trainer composes them, on given tokens. */
function buildParts(size: Settings) {
  const { width, depth, heads, buffer, side, length, channels, classes, headWidth, headBlocks, repeats, dropout } =
    size;
  const weights = freshWeights(1);
  const layout: Layout = { length, scales: [{ start: 0, height: side, width: side }] };
  const space: Space = { kind: 'continuous', channels, std_S: [1] };
  const trunk = { depth, width, heads };
  const config = maskedEncoderDecoder.config.parse(
    { classes, encoder: trunk, decoder: trunk, buffer, dropout },
    'bench',
  );
  const backbone = maskedEncoderDecoder.build(config, { layout, space }, { engine, weights });
  const headConfig = diffusionHead.config.parse({ blocks: headBlocks, width: headWidth, repeats }, 'bench');
  const head = diffusionHead.build(headConfig, { width, space }, { engine, weights });
  return {
    params: weights.params,
    loss: (given: Readonly<Record<string, Tensor>>, rng: TraceRng) => {
      const { values_BLC, order_BL, rank_BL, known, label_B } = given as Record<string, Tensor>;
      const cut = { known: known!, least: size.known, most: size.known };
      const dropped = tf.less(rng.uniform('label-drop', [size.batch]), 0.1);
      const lesson = {
        values_BLC: values_BLC as Tensor3D,
        order_BL: order_BL as Tensor2D,
        rank_BL: rank_BL as Tensor2D,
        cut,
        label_B: tf.where(dropped, tf.onesLike(label_B!).neg(), label_B!),
      };
      const context = { rng, train: true };
      const taught = backbone.teach(lesson, context);
      const target = { values_BlC: tf.gather(lesson.values_BLC, taught.positions_Bl!, 1, 1) as Tensor3D };
      return { loss: tf.mean(head.loss(taught, target, context)) as Scalar };
    },
  };
}

function makeBatch({ batch: B, length, channels, classes, known }: Settings): Record<string, Tensor> {
  const rng = keyedRng([1]);
  const draw = (position: number, count: number) => rng.normal({ row: 0, stream: 'bench', step: 0, position }, count);
  const order = new Int32Array(B * length);
  const rank = new Int32Array(B * length);
  for (let b = 0; b < B; b++) {
    const keys = draw(1 + b, length);
    const places = Array.from(keys.keys()).sort((i, j) => keys[i]! - keys[j]!);
    for (const [place, position] of places.entries()) {
      order[b * length + place] = position;
      rank[b * length + position] = place;
    }
  }
  return {
    values_BLC: tensorFrom(draw(0, B * length * channels), [B, length, channels]),
    order_BL: tensorFrom(order, [B, length], 'int32'),
    rank_BL: tensorFrom(rank, [B, length], 'int32'),
    known: tensorFrom(Int32Array.of(known), [], 'int32'),
    label_B: tensorFrom(
      Int32Array.from({ length: B }, (_, i) => (i * 61) % classes),
      [B],
      'int32',
    ),
  };
}
