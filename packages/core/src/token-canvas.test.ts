import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Kept, Reads } from './contracts.ts';
import type { Step } from './tokens.ts';
import { TokenCanvas, type TokenCanvasParts } from './token-canvas.ts';

const layout = { length: 4, scales: [{ start: 0, height: 2, width: 2 }] };
const parts: TokenCanvasParts = {
  who: 'test canvas',
  layout,
  channels: 2,
  decode: async (values) => ({ data: Float32Array.from(await values.data()), height: 2, width: 2, channels: 2 }),
  preview: async (values, known) => {
    const [numbers, marks] = [await values.data(), await known.data()];
    const row = (b: number) => ({
      data: numbers.slice(b * 8, b * 8 + 8) as Float32Array,
      height: 2,
      width: 2,
      channels: 2,
    });
    return Array.from({ length: marks.length / 4 }, (_, b) => row(b));
  },
};

const open = (reads: Reads, batch = 2, kept: Kept | null = null) => new TokenCanvas(parts, { batch, kept, reads });
const stepAt = (...positions: number[]): Step => {
  return { index: 0, of: 4, before: 4, after: 3, positions_Bl: Int32Array.from(positions) };
};
const tokens = (values: number[], batch = 2) => ({
  values_BlC: tensorFrom(Float32Array.from(values), [batch, values.length / batch / 2, 2]) as Tensor3D,
});

describe('TokenCanvas', () => {
  let start = 0;
  beforeEach(() => {
    start = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(start));

  async function write(canvas: TokenCanvas, step: Step, values: number[]): Promise<void> {
    const given = tokens(values);
    await canvas.write(step, given).finally(() => given.values_BlC.dispose());
  }

  it('forgets tokens that are drawn again, but neither missing nor kept ones', async () => {
    const keep_L = Uint8Array.of(0, 0, 0, 1);
    const values_BLC = tensorFrom(new Float32Array(16).fill(9), [2, 4, 2]) as Tensor3D;
    const canvas = open('known', 2, { values_BLC, keep_L });
    await write(canvas, stepAt(1, 2), [1, 2, 3, 4]);
    await canvas.forget(Int32Array.of(1, 2));
    const context = await canvas.read(stepAt(1, 2));
    if (context.reads !== 'known') throw new Error('known tokens are read');
    expect(await context.known_BL.data()).toEqual(Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1));
    expect((await context.values_BLC.data()).slice(0, 6)).toEqual(new Float32Array(6));
    [context.known_BL, context.values_BLC].forEach((tensor) => tensor.dispose());
    await write(canvas, stepAt(1, 2), [5, 6, 7, 8]);
    await expect(canvas.forget(Int32Array.of(0, 0))).rejects.toThrow('got position 0 to be drawn again');
    await expect(canvas.forget(Int32Array.of(3, 3))).rejects.toThrow('got position 3 to be drawn again');
    canvas.dispose();
    values_BLC.dispose();
  });

  it("gives a backbone that reads 'last' what the step before wrote, and nothing at first", async () => {
    const canvas = open('last');
    expect(await canvas.read(stepAt(1, 2))).toEqual({ reads: 'last', values_BlC: null });
    await write(canvas, stepAt(1, 2), [1, 2, 3, 4]);
    const context = await canvas.read(stepAt(0, 0));
    if (context.reads !== 'last') return expect.unreachable();
    expect(context.values_BlC!.arraySync()).toEqual([[[1, 2]], [[3, 4]]]);
    context.values_BlC!.dispose();
    canvas.dispose();
  });

  it('lets kept tokens win, also where they are the newest', async () => {
    const values_BLC = tf.tensor3d(
      Array.from({ length: 16 }, (_, i) => 10 + i),
      [2, 4, 2],
    );
    const canvas = open('last', 2, { values_BLC, keep_L: Uint8Array.of(0, 1, 0, 0) });
    await write(canvas, stepAt(1, 1), [1, 2, 3, 4]);
    const context = await canvas.read(stepAt(0, 0));
    if (context.reads !== 'last') return expect.unreachable();
    expect(context.values_BlC!.arraySync()).toEqual([[[12, 13]], [[20, 21]]]);
    expect([...(await canvas.render(1)).data]).toEqual([0, 0, 20, 21, 0, 0, 0, 0]);
    tf.dispose([context.values_BlC!, values_BLC]);
    canvas.dispose();
  });

  it('shows all rows, cheaply or in full', async () => {
    const canvas = open('known');
    await expect(canvas.preview('linear')).rejects.toMatchObject({ code: 'canvas-empty' });
    await write(canvas, stepAt(0, 3), [1, 2, 3, 4]);
    const [cheap, full] = [(await canvas.preview('linear'))!, (await canvas.preview('decoded'))!];
    for (const pictures of [cheap, full]) {
      expect(pictures.map(({ data }) => [...data])).toEqual([
        [1, 2, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 3, 4],
      ]);
    }
    canvas.dispose();
  });

  it('refuses estimates, tokens of another size, and positions written twice', async () => {
    expect(() => open('estimate')).toThrow(
      "a backbone that reads 'estimate'; expected one that reads 'known' or 'last'",
    );
    const canvas = open('known');
    await expect(write(canvas, stepAt(0, 3), [1, 2, 3, 4, 5, 6, 7, 8])).rejects.toMatchObject({
      code: 'shape-mismatch',
    });
    await write(canvas, stepAt(0, 3), [1, 2, 3, 4]);
    await expect(canvas.read(stepAt(0, 2))).rejects.toThrow('position 0 of row 0 again; expected tokens still missing');
    canvas.dispose();
  });

  it("gives a backbone that reads 'scale' the scale of the step, its estimate and what of it is known", async () => {
    const scales = {
      length: 3,
      scales: [
        { start: 0, height: 1, width: 1 },
        { start: 1, height: 1, width: 2 },
      ],
    };
    const estimate = async (values_BLC: Tensor3D): Promise<Tensor3D> =>
      tf.tidy(() => tf.tile(tf.slice(values_BLC, [0, 0, 0], [-1, 1, -1]), [1, 2, 1]) as Tensor3D);
    const canvas = new TokenCanvas({ ...parts, layout: scales, estimate }, { batch: 1, kept: null, reads: 'scale' });
    const seen = async (...positions: number[]) => {
      const context = await canvas.read(stepAt(...positions));
      if (context.reads !== 'scale') return expect.unreachable();
      const { estimate_BnC, values_BnC, known_Bn } = context;
      const found = [estimate_BnC?.arraySync() ?? null, values_BnC.arraySync(), known_Bn.arraySync()];
      tf.dispose([values_BnC, known_Bn, ...(estimate_BnC ? [estimate_BnC] : [])]);
      return found;
    };
    expect(await seen(0)).toEqual([null, [[[0, 0]]], [[0]]]);
    await expect(canvas.read(stepAt(1))).rejects.toThrow('in scale 1 while position 0 is missing');
    const given = tokens([1, 2], 1);
    await canvas.write(stepAt(0), given);
    given.values_BlC.dispose();
    await expect(canvas.read(stepAt(0, 2))).rejects.toMatchObject({ code: 'step-misfit' });
    const newest = tokens([5, 6], 1);
    await canvas.write(stepAt(2), newest);
    newest.values_BlC.dispose();
    const both = [
      [
        [1, 2],
        [1, 2],
      ],
    ];
    expect(await seen(1)).toEqual([both, [[[0, 0], [5, 6]]], [[0, 1]]]); // prettier-ignore
    canvas.dispose();
    expect(() => new TokenCanvas(parts, { batch: 1, kept: null, reads: 'scale' })).toThrow("reads 'scale'");
  });
});
