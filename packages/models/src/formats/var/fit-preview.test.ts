import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classOf, nextScaleOrder, type Weights } from '@tessera/core';
import { keyedRng, tensorFrom, type Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { vqConfig, vqTokenizer, type VqConfig } from '@tessera/tokenizer-vq';
import { fitPreviewFromCodes } from './fit-preview.ts';

let engine: Engine;
beforeAll(() => void (engine = createEngine()));
afterAll(() => engine.dispose());

const config = vqConfig.parse(
  { V: 16, Cvae: 4, ch: 8, ch_mult: [1, 1], num_res_blocks: 1, patch_nums: [1, 4], groups: 2 },
  'test',
);

/** A decoder that does little but mix channels, position by position: nearly affine, as trained ones are in the mean. */
function nearlyAffine(): Weights & { dispose(): void } {
  const taken: tf.Tensor[] = [];
  const rng = keyedRng([3]);
  return {
    has: () => false,
    param: (name, shape) => {
      const size = shape.reduce((product, side) => product * side, 1);
      const draws = rng.normal({ row: 0, stream: name, step: 0, position: 0 }, size);
      const mixes = /^(post_quant_conv|decoder\.(conv_in|conv_out|up\.1\.upsample\.conv))\.weight$/.test(name);
      const values = draws.map((value, index) => {
        if (name === 'quantize.embedding.weight') return value;
        if (name === 'decoder.norm_out.bias') return 3; // where SiLU is nearly straight
        if (name.endsWith('.weight') && shape.length === 1) return 0.5;
        // Only the middle of a kernel: no position sees another.
        return mixes && index % 9 === 4 ? value * 0.3 : 0;
      });
      const tensor = tensorFrom(values, shape);
      taken.push(tensor);
      return tensor;
    },
    dispose: () => tf.dispose(taken),
  };
}

async function squaredErrors(fitted: VqConfig, weights: Weights): Promise<{ preview: number; mean: number }> {
  const tokenizer = vqTokenizer.build(fitted, { engine, weights });
  const rows = [0, 1, 2].map((seed) => ({ seed, condition: classOf(-1) }));
  const rng = keyedRng([7]);
  const canvas = tokenizer.openCanvas(rows, null, 'estimate');
  for (const step of nextScaleOrder.build({}).open(tokenizer.layout, { rows, rng, kept: null, options: {} }).steps()) {
    const l = step.positions_Bl.length / rows.length;
    const index = rng.uniform({ row: 0, stream: 'codes', step: step.index, position: 0 }, rows.length * l);
    const codes = tf.tensor2d(
      index.map((value) => Math.floor(value * 16)),
      [rows.length, l],
      'int32',
    );
    const tokens: tf.Tensor = tf.gather(tokenizer.model.quantizer.codebook_VC, codes);
    await canvas.write(step, { values_BlC: tokens as tf.Tensor3D });
    tf.dispose([codes, tokens]);
  }
  const errors = { preview: 0, mean: 0 };
  const previews = (await canvas.preview('linear'))!;
  for (const row of rows.keys()) {
    const picture = await canvas.render(row);
    const side = picture.width / previews[row]!.width;
    const mean = [0, 1, 2].map((c) => picture.data.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / 64);
    for (const [i, value] of picture.data.entries()) {
      const [x, y] = [Math.floor(i / 3) % picture.width, Math.floor(i / 3 / picture.width)];
      const position = Math.floor(y / side) * previews[row]!.width + Math.floor(x / side);
      errors.preview += (value - previews[row]!.data[position * 3 + (i % 3)]!) ** 2;
      errors.mean += (value - mean[i % 3]!) ** 2;
    }
  }
  canvas.dispose();
  tokenizer.dispose();
  return errors;
}

describe('fitting a preview from random codes', () => {
  it('finds the colours of a nearly affine decoder, the same ones every time', async () => {
    const weights = nearlyAffine();
    const tokenizer = vqTokenizer.build(config, { engine, weights });
    const before = tf.memory().numTensors;
    const preview = await fitPreviewFromCodes(tokenizer);
    expect(tf.memory().numTensors).toBe(before);
    expect(await fitPreviewFromCodes(tokenizer)).toEqual(preview);
    tokenizer.dispose();
    const errors = await squaredErrors({ ...config, preview }, weights);
    expect(errors.mean).toBeGreaterThan(0.1);
    // Normalisation looks at whole images, which no map of single positions can follow.
    expect(errors.preview / errors.mean).toBeLessThan(0.5);
    weights.dispose();
  });
});
