import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import {
  classOf,
  randomSetsOrder,
  setSizes,
  setSteps,
  type Canvas,
  type Kept,
  type Row,
  type Step,
} from '@tessera/core';
import { keyedRng, tensorFrom, type Engine, type TraceRng } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import type { KlConfig } from './config.ts';
import { klTokenizer, type KlTokenizer } from './tokenizer.ts';

const golden = readGolden('klvae_tiny');
const config = goldenConfig(golden);
const LENGTH = 64;
const CHANNELS = 4;

function open(engine: Engine, changes: Partial<KlConfig> = {}): KlTokenizer {
  const weights = goldenWeights(readGolden('weights/klvae_tiny'));
  const tokenizer = klTokenizer.build({ ...config, ...changes }, { engine, weights });
  return { ...tokenizer, dispose: () => [tokenizer, weights].forEach((held) => held.dispose()) };
}

function rowsOf(count: number): Row[] {
  return Array.from({ length: count }, (_, seed) => ({ seed, condition: classOf(-1) }));
}

/** The recorded latents of both images as tokens, scaled. */
function recordedTokens(): Float32Array {
  const latent = golden.image('in.z');
  const numbers = latent.dataSync<'float32'>().map((value) => value * config.latentScale);
  latent.dispose();
  return numbers;
}

function tokensFrom(values: Float32Array, batch: number, channels = CHANNELS): { values_BlC: Tensor3D } {
  const shape = [batch, values.length / batch / channels, channels];
  return { values_BlC: tensorFrom(values, shape) as Tensor3D };
}

/** Values of [B, L, C] at a step's positions. */
function at(values_BLC: Float32Array, { positions_Bl }: Step, batch: number): Float32Array {
  const count = positions_Bl.length / batch;
  return Float32Array.from(
    [...positions_Bl].flatMap((position, i) => {
      const place = (Math.floor(i / count) * LENGTH + position) * CHANNELS;
      return [...values_BLC.subarray(place, place + CHANNELS)];
    }),
  );
}

/** Writes all tokens of some rows in an order of their own. */
async function write(tokenizer: KlTokenizer, values_BLC: Float32Array, kept: Kept | null = null) {
  const batch = values_BLC.length / (LENGTH * CHANNELS);
  const rows = rowsOf(batch);
  const canvas = tokenizer.openCanvas(rows, kept, 'known');
  const rng = keyedRng(rows.map(({ seed }) => seed));
  const plan = randomSetsOrder.build({}).open(tokenizer.layout, { rows, kept, rng, options: { steps: 5 } });
  for (const step of plan.steps()) {
    const tokens = tokensFrom(at(values_BLC, step, batch), batch);
    await canvas.write(step, tokens);
    tokens.values_BlC.dispose();
  }
  return canvas;
}

function whole(batch: number): Step {
  const positions_Bl = Int32Array.from({ length: batch * LENGTH }, (_, i) => i % LENGTH);
  return { index: 0, of: 1, before: LENGTH, after: 0, positions_Bl };
}

/** All tokens of a canvas. */
async function valuesOf(canvas: Canvas): Promise<Float32Array> {
  const context = await canvas.read({ ...whole(1), positions_Bl: new Int32Array(0) });
  if (context.reads !== 'known') return expect.unreachable();
  const values = (await context.values_BLC.data<'float32'>()).slice();
  tf.dispose([context.values_BLC, context.known_BL]);
  return values;
}

function noiseOf(noise: Tensor): TraceRng {
  const normal = (stream: string, shape: readonly number[]): Tensor => {
    expect([stream, ...shape]).toEqual(['posterior', ...noise.shape]);
    return noise;
  };
  return { normal, uniform: () => expect.fail('only normal numbers are drawn') };
}

describe.each(['eager', 'onnx'] as const)('klTokenizer on %s', (target) => {
  const engine = createEngine({ target });
  const tokenizer = open(engine);
  afterAll(() => {
    tokenizer.dispose();
    engine.dispose();
  });

  it('says what its tokens are', () => {
    const { space, layout, serves, image } = tokenizer;
    expect(klTokenizer.describe(config)).toEqual({ space: { kind: 'continuous', channels: 4 }, layout, serves });
    expect(space).toEqual({ kind: 'continuous', channels: 4 });
    expect(layout).toEqual({ length: 64, scales: [{ start: 0, height: 8, width: 8 }] });
    expect(serves).toEqual(['known', 'last']);
    expect(image).toEqual({ height: 32, width: 32, channels: 3 });
  });

  it('encodes pictures and draws the official samples of them, scaled', async () => {
    const start = tf.memory().numTensors;
    const pixels = tf.tidy(() => tf.div(tf.add(golden.image('in.img'), 1), 2)) as Tensor4D;
    const { moments } = await tokenizer.encode(pixels);
    expect(moments!.shape).toEqual([2, 8, 8, 8]);
    const noise = golden.image('rand.eps');
    const draw = engine.compile(
      (given: Tensor, normal: Tensor) => tokenizer.draw({ moments: given }, noiseOf(normal)).values_BlC,
      { name: 'draw', axes: ['B . . .', 'B . . .'] },
    );
    const values_BLC = await draw(moments!, noise);
    expect(values_BLC.shape).toEqual([2, 64, 4]);
    const sample = golden.image('out.sample');
    const expected = (await sample.data()).map((value) => value * config.latentScale);
    expect(furthest(await values_BLC.data(), expected)).toBeLessThan(1e-4);
    tf.dispose([pixels, moments!, noise, values_BLC, sample]);
    draw.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('refuses pictures of another size and encodings of others', async () => {
    const image = tf.zeros([1, 8, 8, 3]) as Tensor4D;
    await expect(tokenizer.encode(image)).rejects.toThrow('expected [B, 32, 32, 3]');
    expect(() => tokenizer.draw({}, noiseOf(image))).toThrow('without moments');
    image.dispose();
  });

  it('renders the official pictures in whatever order tokens come, and leaves no tensor behind', async () => {
    const start = tf.memory().numTensors;
    const canvas = await write(tokenizer, recordedTokens());
    const shown = golden.image('out.dec');
    const expected = (await shown.data()).map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
    const size = 32 * 32 * 3;
    const previews = (await canvas.preview('decoded'))!;
    for (const [row, { data }] of previews.entries()) {
      expect(furthest(data, expected.slice(row * size, (row + 1) * size))).toBeLessThan(1e-4);
    }
    expect(previews).toHaveLength(2);
    expect(await canvas.render(1)).toEqual(previews[1]);
    expect(previews[1]).toMatchObject({ height: 32, width: 32, channels: 3 });
    expect(await canvas.preview('none')).toBeNull();
    canvas.dispose();
    shown.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('gives a backbone all tokens known so far', async () => {
    const canvas = tokenizer.openCanvas(rowsOf(2), null, 'known');
    const values = recordedTokens();
    const orders = [0, 1].map((row) => Array.from({ length: LENGTH }, (_, i) => (i * 37 + row * 11) % LENGTH));
    const known = new Set<number>();
    for (const step of setSteps(orders, setSizes(LENGTH, 4))) {
      const context = await canvas.read(step);
      if (context.reads !== 'known') return expect.unreachable();
      const [read, marks] = [await context.values_BLC.data(), await context.known_BL.data()];
      expect([...marks]).toEqual(Array.from({ length: 2 * LENGTH }, (_, place) => (known.has(place) ? 1 : 0)));
      const seen = values.map((value, i) => (known.has(Math.floor(i / CHANNELS)) ? value : 0));
      expect(furthest(read, seen)).toBe(0);
      tf.dispose([context.values_BLC, context.known_BL]);
      const tokens = tokensFrom(at(values, step, 2), 2);
      await canvas.write(step, tokens);
      tokens.values_BlC.dispose();
      const count = step.positions_Bl.length / 2;
      for (const [i, position] of step.positions_Bl.entries()) known.add(Math.floor(i / count) * LENGTH + position);
    }
    expect(known.size).toBe(2 * LENGTH);
    canvas.dispose();
  });

  it('renders a row alone as in a batch of 8, byte for byte', async () => {
    const both = recordedTokens();
    const values = Float32Array.from(
      { length: 8 * LENGTH * CHANNELS },
      (_, i) => both[i % both.length]! * (1 + i / 1e4),
    );
    const batch = await write(tokenizer, values);
    const row = 5;
    const alone = await write(tokenizer, values.slice(row * LENGTH * CHANNELS, (row + 1) * LENGTH * CHANNELS));
    expect((await alone.render(0)).data).toEqual((await batch.render(row)).data);
    batch.dispose();
    alone.dispose();
  });

  it('knows kept tokens from the start and lets them win', async () => {
    const start = tf.memory().numTensors;
    const values = recordedTokens();
    const others = values.map((value) => -value);
    const given = tokensFrom(values, 2).values_BlC;
    const keep_L = tokenizer.keepMask(Uint8Array.from({ length: LENGTH }, (_, i) => (i < 20 ? 255 : 0)));
    expect([...keep_L]).toEqual(Array.from({ length: LENGTH }, (_, i) => (i < 20 ? 1 : 0)));
    const kept = { values_BLC: given, keep_L };
    const canvas = tokenizer.openCanvas(rowsOf(2), kept, 'known');
    const all = whole(2);
    const context = await canvas.read(all);
    if (context.reads !== 'known') return expect.unreachable();
    expect([...(await context.known_BL.data())]).toEqual([...keep_L, ...keep_L]);
    const tokens = tokensFrom(others, 2);
    await canvas.write(all, tokens);
    const mixed = values.map((value, i) => (Math.floor(i / CHANNELS) % LENGTH < 20 ? value : -value));
    const filled = await write(tokenizer, others, kept);
    expect(await valuesOf(canvas)).toEqual(mixed);
    expect(await valuesOf(filled)).toEqual(mixed);
    expect(() => tokenizer.openCanvas(rowsOf(1), kept, 'known')).toThrow('expected [1,64,4]');
    expect(() => tokenizer.keepMask(new Uint8Array(63))).toThrow('expected 8 x 8 entries');
    for (const one of [canvas, filled]) one.dispose();
    tf.dispose([given, tokens.values_BlC, context.values_BLC, context.known_BL]);
    expect(tf.memory().numTensors).toBe(start);
  });

  it('refuses reads and steps that are not its own', async () => {
    const canvas = tokenizer.openCanvas(rowsOf(2), null, 'known');
    const step = (...positions: number[]): Step => ({ ...whole(2), positions_Bl: Int32Array.from(positions) });
    expect(() => tokenizer.openCanvas(rowsOf(2), null, 'estimate')).toThrow("reads 'estimate'");
    await expect(canvas.read(step(1, 2, 3))).rejects.toMatchObject({ code: 'step-misfit' });
    await expect(canvas.read(step(1, 64))).rejects.toMatchObject({ code: 'step-misfit' });
    await expect(canvas.read(step(-1, 1))).rejects.toMatchObject({ code: 'step-misfit' });
    await expect(canvas.render(0)).rejects.toMatchObject({ code: 'canvas-empty' });
    const one = tokensFrom(new Float32Array(2 * CHANNELS), 2);
    await canvas.write(step(0, 0), one);
    one.values_BlC.dispose();
    await expect(canvas.preview('linear')).rejects.toMatchObject({ code: 'preview-missing' });
    const tokens = tokensFrom(new Float32Array(2 * CHANNELS), 2);
    await expect(canvas.write(step(1, 2, 3, 4), tokens)).rejects.toMatchObject({ code: 'shape-mismatch' });
    await canvas.write(step(1, 2), tokens);
    await expect(canvas.write(step(1, 3), tokens)).rejects.toThrow('position 1 of row 0 again');
    await expect(canvas.write(step(2, 2), tokens)).rejects.toThrow('position 2 of row 1 again');
    tokens.values_BlC.dispose();
    canvas.dispose();
  });

  it('shows what is known by a linear preview, and grey elsewhere', async () => {
    const weight = [0, 1, 2, 3].map((z) => [z === 0 ? 0.05 : 0, 0, z === 3 ? -0.05 : 0]);
    const preview = { weight, bias: [0.5, 0.25, 0.5] };
    const start = tf.memory().numTensors;
    const shown = open(engine, { preview });
    const canvas = shown.openCanvas(rowsOf(2), null, 'known');
    const positions_Bl = Int32Array.from([9, 3]);
    const tokens = tokensFrom(Float32Array.from([1, 0, 0, 2, 0.5, 0, 0, -1]), 2);
    await canvas.write({ ...whole(2), positions_Bl }, tokens);
    const [first, second] = (await canvas.preview('linear'))!;
    expect(first).toMatchObject({ height: 8, width: 8, channels: 3 });
    const wanted = new Float32Array(192).fill(0.5);
    wanted.set([0.6, 0.25, 0.3], 9 * 3);
    expect(furthest(first!.data, wanted)).toBeLessThan(1e-6);
    wanted.fill(0.5).set([0.55, 0.25, 0.6], 3 * 3);
    expect(furthest(second!.data, wanted)).toBeLessThan(1e-6);
    tokens.values_BlC.dispose();
    canvas.dispose();
    shown.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('shows a patch of pixels for a token of several latents', async () => {
    const weight = [0, 1, 2, 3].map((z) => (z === 0 ? [0.1, 0.1, 0.1] : [0, 0, 0]));
    const shown = open(engine, { patch_size: 2, preview: { weight, bias: [0.25, 0.25, 0.25] } });
    expect(shown.layout).toEqual({ length: 16, scales: [{ start: 0, height: 4, width: 4 }] });
    expect(shown.space.channels).toBe(16);
    const canvas = shown.openCanvas(rowsOf(1), null, 'known');
    // Channel 0 of the four latents comes first.
    const tokens = tokensFrom(Float32Array.from([0.5, 1, 1.5, 2, ...new Array(12).fill(9)]), 1, 16);
    await canvas.write({ ...whole(1), positions_Bl: Int32Array.of(5) }, tokens);
    const { data } = (await canvas.preview('linear'))![0]!;
    const at = (y: number, x: number): number => data[(y * 8 + x) * 3]!;
    expect([at(2, 2), at(2, 3), at(3, 2), at(3, 3)].map((value) => value.toFixed(4))).toEqual([
      '0.3500',
      '0.4500',
      '0.5500',
      '0.6500',
    ]);
    expect([at(1, 2), at(2, 4), at(4, 3), at(0, 0)]).toEqual([0.5, 0.5, 0.5, 0.5]);
    tokens.values_BlC.dispose();
    canvas.dispose();
    shown.dispose();
  });
});
