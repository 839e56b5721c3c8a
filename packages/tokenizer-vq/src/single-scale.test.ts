import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { toNetworkRange } from '@tessera/autoencoder';
import { classOf, type Canvas, type Kept, type Reads, type Step } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { furthest } from '@tessera/goldens';
import { afterAll, describe, expect, it } from 'vitest';
import { madeUpWeights } from '../fixtures/made-up-weights.ts';
import { vqConfig } from './config.ts';
import { vqTokenizer } from './tokenizer.ts';
import { encodeFeatures } from './vq-vae.ts';

const preview = { weight: [[0.3], [0], [0], [0]], bias: [0.25] };
const config = vqConfig.parse(
  {
    V: 8,
    Cvae: 4,
    ch: 8,
    ch_mult: [1, 2],
    num_res_blocks: 1,
    in_channels: 1,
    patch_nums: [4],
    quant_resi: 0,
    groups: 4,
    preview,
  },
  'test',
);
const LENGTH = 16;

/** Indices 0..7 and again. */
const index_1L = Int32Array.from({ length: LENGTH }, (_, i) => i % 8);

/** A step of `of` that writes these positions of one image. */
function step(index: number, positions: readonly number[], before: number): Step {
  return { index, of: 2, before, after: before - positions.length, positions_Bl: Int32Array.from(positions) };
}

/** The entry of the codebook of 8 that lies nearest. */
function nearestOf(feature_C: Float32Array, codebook_VC: Float32Array): number {
  const distance = (code: number): number =>
    feature_C.reduce((sum, value, c) => sum + (value - codebook_VC[4 * code + c]!) ** 2, 0);
  return [...Array(8).keys()].reduce((best, code) => (distance(code) < distance(best) ? code : best));
}

describe.each(['eager', 'onnx'] as const)('vqTokenizer of a single scale on %s', (target) => {
  const engine = createEngine({ target });
  const { weights, taken } = madeUpWeights();
  const tokenizer = vqTokenizer.build(config, { engine, weights });
  afterAll(() => {
    tokenizer.dispose();
    tf.dispose(taken);
    engine.dispose();
  });

  async function allTokens(): Promise<Tensor3D> {
    const program = engine.compile(
      (index_BL: Tensor) => tokenizer.draw({ index_BL: index_BL as tf.Tensor2D }, null).values_BlC,
      { name: 'draw' },
    );
    const index_BL = tensorFrom(index_1L, [1, LENGTH], 'int32');
    const values_BLC = await program(index_BL);
    index_BL.dispose();
    program.dispose();
    return values_BLC;
  }

  async function writeAt(canvas: Canvas, values_BLC: Tensor3D, at: Step): Promise<void> {
    const values_BlC = tf.gather(values_BLC, [...at.positions_Bl], 1);
    await canvas.write(at, { values_BlC });
    values_BlC.dispose();
  }

  /** Writes every second token, then the others. */
  async function write(values_BLC: Tensor3D, reads: Reads, kept: Kept | null = null): Promise<Canvas> {
    const canvas = tokenizer.openCanvas([{ seed: 1, condition: classOf(0) }], kept, reads);
    const half = Array.from({ length: LENGTH / 2 }, (_, i) => 2 * i);
    await writeAt(canvas, values_BLC, step(0, half, LENGTH));
    await writeAt(
      canvas,
      values_BLC,
      step(
        1,
        half.map((i) => i + 1),
        LENGTH / 2,
      ),
    );
    return canvas;
  }

  it('says so: it has no estimates to give, and keeps codes as they lie', () => {
    const { layout, serves, space, estimates } = tokenizer;
    expect(layout).toEqual({ length: LENGTH, scales: [{ start: 0, height: 4, width: 4 }] });
    expect([serves, estimates]).toEqual([['known', 'last'], undefined]);
    expect(space).toMatchObject({ kind: 'discrete', vocabulary: 8, channels: 4 });
    expect(() => tokenizer.openCanvas([{ seed: 1, condition: classOf(0) }], null, 'known').dispose()).not.toThrow();
    const mask = Uint8Array.from({ length: LENGTH }, (_, i) => (i % 3 ? 0 : 255));
    expect([...tokenizer.keepMask(mask)]).toEqual([...mask].map((keep) => (keep ? 1 : 0)));
  });

  it('encodes each position to the code nearest to its features', async () => {
    const start = tf.memory().numTensors;
    const image_BHWC = tensorFrom(
      Float32Array.from({ length: 64 }, (_, i) => (i % 7) / 7),
      [1, 8, 8, 1],
    ) as Tensor4D;
    const { index_BL } = await tokenizer.encode(image_BHWC);
    expect(index_BL!.shape).toEqual([1, LENGTH]);
    const encode = engine.compile((pixels: Tensor4D) => encodeFeatures(tokenizer.model, toNetworkRange(pixels)), {
      name: 'features',
    });
    const features_BHWC = await encode(image_BHWC);
    const codebook = await tokenizer.model.quantizer.codebook_VC.data<'float32'>();
    const features = await features_BHWC.data<'float32'>();
    const nearest = Array.from({ length: LENGTH }, (_, i) => nearestOf(features.subarray(4 * i, 4 * i + 4), codebook));
    expect([...(await index_BL!.data())]).toEqual(nearest);
    encode.dispose();
    tf.dispose([image_BHWC, index_BL!, features_BHWC]);
    expect(tf.memory().numTensors).toBe(start);
  });

  it('draws the same picture for known and last, in any order', async () => {
    const start = tf.memory().numTensors;
    const values_BLC = await allTokens();
    const canvases = [await write(values_BLC, 'known'), await write(values_BLC, 'last')];
    const [known, last] = await Promise.all(canvases.map((canvas) => canvas.render(0)));
    expect(known!.data).toEqual(last!.data);
    expect(new Set(known!.data).size).toBeGreaterThan(8);
    const others = tf.reverse(values_BLC, 1);
    const kept = { values_BLC, keep_L: new Uint8Array(LENGTH).fill(1) };
    const given = await write(others, 'known', kept);
    expect((await given.render(0)).data).toEqual(known!.data);
    for (const canvas of [...canvases, given]) canvas.dispose();
    tf.dispose([values_BLC, others]);
    expect(tf.memory().numTensors).toBe(start);
  });

  it('previews what is known, and grey elsewhere', async () => {
    const values_BLC = await allTokens();
    const canvas = tokenizer.openCanvas([{ seed: 1, condition: classOf(0) }], null, 'known');
    await writeAt(canvas, values_BLC, step(0, [3, 9], LENGTH));
    const { data, height, width } = (await canvas.preview('linear'))![0]!;
    expect([height, width]).toEqual([4, 4]);
    const values = await values_BLC.data<'float32'>();
    const shown = (i: number): number => Math.min(1, Math.max(0, 0.25 + 0.3 * values[4 * i]!));
    const wanted = Float32Array.from({ length: LENGTH }, (_, i) => (i === 3 || i === 9 ? shown(i) : 0.5));
    expect(furthest(data, wanted)).toBeLessThan(1e-6);
    canvas.dispose();
    values_BLC.dispose();
  });
});
