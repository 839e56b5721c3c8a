import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import type { ScaleCanvas } from '@tessera/autoencoder';
import {
  classOf,
  nextScaleOrder,
  rasterOrder,
  type Canvas,
  type Kept,
  type Reads,
  type Row,
  type Step,
} from '@tessera/core';
import { keyedRng, tensorFrom, type Engine, type TraceRng } from '@tessera/engine';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { createEngine } from '@tessera/targets';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import type { KlScalesConfig } from './config.ts';
import { klScalesTokenizer, type KlScalesTokenizer } from './scales-tokenizer.ts';

const golden = readGolden('klvae_tiny');
const config: KlScalesConfig = { ...goldenConfig(golden), patch_nums: [1, 2, 3, 5, 8], scaleStd: [2, 1, 0.5, 0.8, 1] };
const LENGTH = 1 + 4 + 9 + 25 + 64;
const CHANNELS = 4;

function open(engine: Engine, changes: Partial<KlScalesConfig> = {}): KlScalesTokenizer {
  const weights = goldenWeights(readGolden('weights/klvae_tiny'));
  const tokenizer = klScalesTokenizer.build({ ...config, ...changes }, { engine, weights });
  return { ...tokenizer, dispose: () => [tokenizer, weights].forEach((held) => held.dispose()) };
}

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, seed) => ({ seed, condition: classOf(-1) }));

/** Moments of the recorded latents of both images, without spread. */
function recordedMoments(): Tensor4D {
  return tf.tidy(() => tf.concat([golden.image('in.z'), tf.fill([2, 8, 8, CHANNELS], -30)], 3)) as Tensor4D;
}

function noiseOf(noise: Tensor): TraceRng {
  const normal = (stream: string, shape: readonly number[]): Tensor => {
    expect([stream, ...shape]).toEqual(['posterior', ...noise.shape]);
    return noise;
  };
  return { normal, uniform: () => expect.fail('only normal numbers are drawn') };
}

interface Drawn {
  readonly values_BLC: Tensor3D;
  readonly estimates_BLC: Tensor3D;
}

/** Tokens of the recorded latents, and what teacher forcing makes of them, in one traced program. */
async function drawn(engine: Engine, tokenizer: KlScalesTokenizer): Promise<Drawn> {
  const program = engine.compile(
    (moments: Tensor) => {
      const values_BLC = tokenizer.draw({ moments }, null).values_BlC;
      return { values_BLC, estimates_BLC: tokenizer.estimates!(values_BLC) };
    },
    { name: 'draw', axes: ['B . . .'] },
  );
  const moments = recordedMoments();
  const made = await program(moments);
  moments.dispose();
  program.dispose();
  return made;
}

interface Writing {
  readonly reads: Reads;
  readonly kept?: Kept | null;
  /** Sees the canvas before every step. */
  readonly before?: (canvas: Canvas, step: Step) => Promise<void>;
}

/** Writes tokens [B, L, C] as the canvas's kind of backbone does: scale by scale, or one by one. */
async function write(tokenizer: KlScalesTokenizer, values_BLC: Tensor3D, { reads, kept = null, before }: Writing) {
  const batch = values_BLC.shape[0];
  const rows = rowsOf(batch);
  const order = (reads === 'estimate' ? nextScaleOrder : rasterOrder).build({});
  const plan = order.open(tokenizer.layout, { rows, kept, rng: keyedRng(rows.map(({ seed }) => seed)), options: {} });
  const canvas = tokenizer.openCanvas(rows, kept, reads);
  for (const step of plan.steps()) {
    await before?.(canvas, step);
    const [start, count] = [step.positions_Bl[0]!, step.positions_Bl.length / batch];
    const values_BlC = tf.slice(values_BLC, [0, start, 0], [-1, count, -1]);
    await canvas.write(step, { values_BlC });
    values_BlC.dispose();
  }
  return canvas;
}

describe.each(['eager', 'onnx'] as const)('klScalesTokenizer on %s', (target) => {
  const engine = createEngine({ target });
  const tokenizer = open(engine);
  afterAll(() => {
    tokenizer.dispose();
    engine.dispose();
  });

  it('says what its tokens are', () => {
    const { space, layout, serves } = tokenizer;
    expect(klScalesTokenizer.describe(config)).toEqual({ space, layout, serves });
    expect([space, layout.length, serves]).toEqual([
      { kind: 'continuous', channels: CHANNELS },
      LENGTH,
      ['estimate', 'known', 'last', 'scale'],
    ]);
    const alone = klScalesTokenizer.describe({ ...config, patch_nums: [8], scaleStd: [1] });
    expect([alone.layout.length, alone.serves]).toEqual([64, ['known', 'last']]);
  });

  it('gives the latents back from whatever canvas their tokens are written on', async () => {
    const start = tf.memory().numTensors;
    const { values_BLC, estimates_BLC } = await drawn(engine, tokenizer);
    expect([values_BLC.shape, estimates_BLC.shape]).toEqual([
      [2, LENGTH, CHANNELS],
      [2, LENGTH - 1, CHANNELS],
    ]);
    const running = (await write(tokenizer, values_BLC, { reads: 'estimate' })) as ScaleCanvas;
    const latent = golden.image('in.z');
    const scaled = (await latent.data<'float32'>()).map((value) => value * config.latentScale);
    expect(furthest(await running.map_BHWC!.data(), scaled)).toBeLessThan(2e-5);
    const shown = golden.image('out.dec');
    const pixels = (await shown.data<'float32'>()).map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
    const placed = await write(tokenizer, values_BLC, { reads: 'known' });
    const size = 32 * 32 * 3;
    for (const row of [0, 1]) {
      const expected = pixels.slice(row * size, (row + 1) * size);
      expect(furthest((await running.render(row)).data, expected)).toBeLessThan(1e-4);
      expect(furthest((await placed.render(row)).data, expected)).toBeLessThan(1e-4);
    }
    for (const held of [running, placed]) held.dispose();
    tf.dispose([values_BLC, estimates_BLC, latent, shown]);
    expect(tf.memory().numTensors).toBe(start);
  });

  it('teaches with the very estimates that its canvas gives', async () => {
    const { values_BLC, estimates_BLC } = await drawn(engine, tokenizer);
    const read: Tensor3D[] = [];
    const before = async (canvas: Canvas, step: Step): Promise<void> => {
      const context = await canvas.read(step);
      if (context.reads !== 'estimate') return expect.unreachable();
      expect(context.values_BlC === null).toBe(step.index === 0);
      if (context.values_BlC) read.push(context.values_BlC);
    };
    const canvas = await write(tokenizer, values_BLC, { reads: 'estimate', before });
    const all_BLC = tf.concat(read, 1);
    expect(furthest(await all_BLC.data(), await estimates_BLC.data<'float32'>())).toBeLessThan(1e-5);
    canvas.dispose();
    tf.dispose([values_BLC, estimates_BLC, all_BLC, ...read]);
  });

  it('encodes to the moments of kl and draws by the stream posterior', async () => {
    const start = tf.memory().numTensors;
    const pixels = tf.tidy(() => tf.div(tf.add(golden.image('in.img'), 1), 2)) as Tensor4D;
    const encoding = await tokenizer.encode(pixels);
    const noise = golden.image('rand.eps');
    const draw = engine.compile(
      (moments: Tensor, given: Tensor) => tokenizer.draw({ moments }, noiseOf(given)).values_BlC,
      { name: 'draw' },
    );
    const values_BLC = await draw(encoding.moments!, noise);
    const canvas = (await write(tokenizer, values_BLC, { reads: 'estimate' })) as ScaleCanvas;
    const map_BHWC = canvas.map_BHWC!;
    draw.dispose();
    const sample = golden.image('out.sample');
    const expected = (await sample.data<'float32'>()).map((value) => value * config.latentScale);
    expect(furthest(await map_BHWC.data(), expected)).toBeLessThan(2e-4);
    expect(() => tokenizer.draw({}, null)).toThrow('without moments');
    canvas.dispose();
    tf.dispose([pixels, encoding.moments!, noise, values_BLC, sample]);
    expect(tf.memory().numTensors).toBe(start);
  });

  it('lets kept tokens win on both canvases', async () => {
    const start = tf.memory().numTensors;
    const { values_BLC, estimates_BLC } = await drawn(engine, tokenizer);
    const others = tf.neg(values_BLC) as Tensor3D;
    const keep_L = tokenizer.keepMask(new Uint8Array(64).fill(1));
    expect([...keep_L]).toEqual(new Array(LENGTH).fill(1));
    const whole = await write(tokenizer, values_BLC, { reads: 'estimate' });
    const expected = await whole.render(1);
    for (const reads of ['estimate', 'known'] as const) {
      const canvas = await write(tokenizer, others, { reads, kept: { values_BLC, keep_L } });
      expect(furthest((await canvas.render(1)).data, expected.data)).toBeLessThan(1e-5);
      canvas.dispose();
    }
    whole.dispose();
    tf.dispose([values_BLC, estimates_BLC, others]);
    expect(tf.memory().numTensors).toBe(start);
  });

  it('shows a linear preview of latents as they are before scaling', async () => {
    const weight = [0, 1, 2, 3].map((z) => [z === 0 ? 0.05 : 0, 0, 0]);
    const shown = open(engine, { latentScale: 0.5, preview: { weight, bias: [0.5, 0.25, 0.5] } });
    const values = new Float32Array(LENGTH * CHANNELS);
    // The first scale's only token: 0.75 times its deviation 2, over the latent scale 0.5.
    values[0] = 0.75;
    const values_BLC = tensorFrom(values, [1, LENGTH, CHANNELS]) as Tensor3D;
    for (const reads of ['estimate', 'known'] as const) {
      const canvas = await write(shown, values_BLC, { reads });
      const { data, height, width } = (await canvas.preview('linear'))![0]!;
      expect([height, width]).toEqual([8, 8]);
      const wanted = Array.from({ length: 64 }, () => [0.5 + 0.05 * 3, 0.25, 0.5]).flat();
      expect(
        furthest(
          data,
          wanted.map((value) => Math.min(1, value)),
        ),
      ).toBeLessThan(1e-6);
      canvas.dispose();
    }
    values_BLC.dispose();
    shown.dispose();
  });
});
