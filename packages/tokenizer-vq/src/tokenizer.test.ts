import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { classOf, type Kept, type Step } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { furthest, goldenWeights, readGolden } from '@tessera/goldens';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenConfig } from '../fixtures/golden-config.ts';
import type { VqConfig } from './config.ts';
import { vqTokenizer, type VqTokenizer } from './tokenizer.ts';

const golden = readGolden('vqvae_tiny');
const config = goldenConfig(golden);
const rows = [
  { seed: 1, condition: classOf(0) },
  { seed: 2, condition: classOf(1) },
];

function open(engine: Engine, changes: Partial<VqConfig> = {}): VqTokenizer {
  const weights = goldenWeights(readGolden('weights/vqvae_tiny'));
  return vqTokenizer.build({ ...config, ...changes }, { engine, weights });
}

/** The recorded picture in [0, 1]. */
function picture(): Tensor4D {
  return tf.tidy(() => tf.div(tf.add(golden.image('in.img'), 1), 2));
}

/** The step that writes one scale for `batch` rows. */
function stepOf({ layout }: VqTokenizer, index: number, batch: number): Step {
  const { start, height, width } = layout.scales[index]!;
  const positions = Array.from({ length: batch * height * width }, (_, i) => start + (i % (height * width)));
  const before = layout.length - start;
  const after = before - height * width;
  return { index, of: layout.scales.length, before, after, positions_Bl: Int32Array.from(positions) };
}

/** Recorded indices of one scale, for some of the rows. */
async function tokensOf(engine: Engine, tokenizer: VqTokenizer, of: { scale: number; rows: readonly number[] }) {
  const [, length] = golden.shape(`out.idx.${of.scale}`) as [number, number];
  const numbers = golden.numbers(`out.idx.${of.scale}`);
  const chosen = of.rows.flatMap((row) => [...numbers.subarray(row * length, (row + 1) * length)]);
  const index = tensorFrom(Int32Array.from(chosen), [of.rows.length, length], 'int32');
  const draw = engine.compile(
    (index_BL: Tensor) => tokenizer.draw({ index_BL: index_BL as tf.Tensor2D }, noRandomness).values_BlC,
    { name: 'draw' },
  );
  const values_BlC = await draw(index);
  draw.dispose();
  index.dispose();
  return { values_BlC };
}

const noRandomness = {
  uniform: (): never => expect.fail('a VQ encoding is not random'),
  normal: (): never => expect.fail('a VQ encoding is not random'),
};

async function write(engine: Engine, tokenizer: VqTokenizer, of: { rows: readonly number[]; kept?: Kept }) {
  const canvas = tokenizer.openCanvas(
    of.rows.map((row) => rows[row]!),
    of.kept ?? null,
    'estimate',
  );
  for (const scale of tokenizer.layout.scales.keys()) {
    const tokens = await tokensOf(engine, tokenizer, { scale, rows: of.rows });
    await canvas.write(stepOf(tokenizer, scale, of.rows.length), tokens);
    tokens.values_BlC.dispose();
  }
  return canvas;
}

describe.each(['eager', 'onnx'] as const)('vqTokenizer on %s', (target) => {
  const engine = createEngine({ target });
  const tokenizer = open(engine);
  afterAll(() => {
    tokenizer.dispose();
    engine.dispose();
  });

  it('encodes to the official indices, each row alone as in a batch', async () => {
    const image = picture();
    const { index_BL } = await tokenizer.encode(image);
    const all = [...(await index_BL!.data())];
    const expected = [0, 1].flatMap((row) =>
      config.patch_nums.flatMap((side, scale) => [
        ...golden.numbers(`out.idx.${scale}`).subarray(row * side * side, (row + 1) * side * side),
      ]),
    );
    expect(index_BL!.dtype).toBe('int32');
    expect(all).toEqual(expected);
    const second = tf.slice(image, [1, 0, 0, 0], [1, -1, -1, -1]);
    const alone = await tokenizer.encode(second);
    expect([...(await alone.index_BL!.data())]).toEqual(all.slice(all.length / 2));
    tf.dispose([image, second, index_BL!, alone.index_BL!]);
  });

  it('refuses pictures of another size', async () => {
    const image = tf.zeros([1, 8, 8, 3]) as Tensor4D;
    await expect(tokenizer.encode(image)).rejects.toThrow('expected [B, 16, 16, 3]');
    image.dispose();
  });

  it('accumulates the official map, shows every scale and leaves no tensor behind', async () => {
    const start = tf.memory().numTensors;
    const canvas = tokenizer.openCanvas(rows, null, 'estimate');
    const pieces: number[][] = [];
    for (const scale of tokenizer.layout.scales.keys()) {
      const step = stepOf(tokenizer, scale, rows.length);
      const context = await canvas.read(step);
      if (context.reads !== 'estimate') expect.unreachable();
      else if (scale === 0) expect(context.values_BlC).toBeNull();
      else pieces.push([...(await context.values_BlC!.data())]);
      if (context.values_BlC !== null) context.values_BlC.dispose();
      const tokens = await tokensOf(engine, tokenizer, { scale, rows: [0, 1] });
      await canvas.write(step, tokens);
      tokens.values_BlC.dispose();
      const map = golden.image(`out.f_hat.${scale}`);
      expect(furthest(await canvas.map_BHWC!.data(), map.dataSync())).toBeLessThan(1e-5);
      map.dispose();
      if (scale === 1 || scale === 2) continue; // decoding takes long on the eager target
      const shown = golden.image(`out.rec.${scale}`);
      const expected = Float32Array.from(shown.dataSync(), (value) => (value + 1) / 2);
      shown.dispose();
      const previews = await canvas.preview('decoded');
      expect(
        furthest(
          previews!.flatMap(({ data }) => [...data]),
          expected,
        ),
      ).toBeLessThan(2e-4);
      const second = await canvas.render(1);
      expect(second).toMatchObject({ height: 16, width: 16, channels: 3 });
      expect(second.data).toEqual(previews![1]!.data);
    }
    expect(furthest(pieces[0]!.slice(0, 32), golden.numbers('out.var_input').subarray(0, 32))).toBeLessThan(1e-5);
    canvas.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('teaches with what the canvas would have given', async () => {
    const index = golden.names.filter((name) => name.startsWith('out.idx.')).map((name) => golden.tensor(name));
    const program = engine.compile(
      (...scales: Tensor[]) => {
        const { values_BlC } = tokenizer.draw({ index_BL: tf.concat(scales, 1) as tf.Tensor2D }, noRandomness);
        return tokenizer.estimates!(values_BlC);
      },
      { name: 'estimates' },
    );
    const estimates = await program(...index);
    expect(furthest(await estimates.data(), golden.numbers('out.var_input'))).toBeLessThan(1e-5);
    tf.dispose([estimates, ...index]);
    program.dispose();
  });

  it('gives a row the same bytes alone as in a batch', async () => {
    const both = await write(engine, tokenizer, { rows: [0, 1] });
    const alone = await write(engine, tokenizer, { rows: [1] });
    expect((await alone.render(0)).data).toEqual((await both.render(1)).data);
    both.dispose();
    alone.dispose();
  });

  it('lets kept tokens win', async () => {
    const scales = await Promise.all(
      config.patch_nums.map((_, scale) => tokensOf(engine, tokenizer, { scale, rows: [1] })),
    );
    const join = engine.compile((...parts: Tensor[]) => tf.concat(parts, 1) as Tensor3D, { name: 'join' });
    const values_BLC = await join(...scales.map(({ values_BlC }) => values_BlC));
    const keptAll = { values_BLC, keep_L: new Uint8Array(tokenizer.layout.length).fill(1) };
    const keptNone = { values_BLC, keep_L: new Uint8Array(tokenizer.layout.length) };
    const canvases = [
      await write(engine, tokenizer, { rows: [0], kept: keptAll }),
      await write(engine, tokenizer, { rows: [0], kept: keptNone }),
      await write(engine, tokenizer, { rows: [1] }),
      await write(engine, tokenizer, { rows: [0] }),
    ];
    const [all, none, given, own] = await Promise.all(canvases.map((canvas) => canvas.render(0)));
    expect(all!.data).toEqual(given!.data);
    expect(none!.data).toEqual(own!.data);
    expect(() => tokenizer.openCanvas(rows, keptAll, 'estimate')).toThrow('expected [2,30,8]');
    for (const canvas of canvases) canvas.dispose();
    tf.dispose([values_BLC, ...scales.map(({ values_BlC }) => values_BlC)]);
    join.dispose();
  });

  it('refuses reads and steps that are not its own', async () => {
    const canvas = tokenizer.openCanvas(rows, null, 'estimate');
    await expect(canvas.read(stepOf(tokenizer, 1, 2))).rejects.toMatchObject({ code: 'step-not-a-scale' });
    await expect(canvas.read(stepOf(tokenizer, 0, 1))).rejects.toMatchObject({ code: 'step-not-a-scale' });
    await expect(canvas.render(0)).rejects.toMatchObject({ code: 'canvas-empty' });
    expect(await canvas.preview('none')).toBeNull();
    await expect(canvas.preview('linear')).rejects.toMatchObject({ code: 'preview-missing' });
    canvas.dispose();
  });

  it('shows the running map by a linear preview', async () => {
    const weight = Array.from({ length: 8 }, (_, c) => [c === 0 ? 0.1 : 0, 0, c === 7 ? -0.1 : 0]);
    const shown = open(engine, { preview: { weight, bias: [0.5, 0.25, 0.5] } });
    const canvas = await write(engine, shown, { rows: [0, 1] });
    const [first, second] = (await canvas.preview('linear'))!;
    const map = await canvas.map_BHWC!.data();
    expect(first).toMatchObject({ height: 4, width: 4, channels: 3 });
    expect(first!.data[0]).toBeCloseTo(0.5 + 0.1 * map[0]!, 5);
    expect(second!.data[1]).toBeCloseTo(0.25, 6);
    expect(second!.data[2]).toBeCloseTo(0.5 - 0.1 * map[16 * 8 + 7]!, 5);
    canvas.dispose();
    shown.dispose();
  });
});
