import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor3D } from '@tensorflow/tfjs';
import { classOf, type OpenMix, type ParamSpec, type Weights } from '@tessera/core';
import { keyedRng, tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  cancelPoint,
  doubled,
  guidedNumber,
  mixGuided,
  openMixture,
  noisePerToken,
  runAdaLNMlp,
  takeAdaLNMlp,
  takeNumbers,
  tokenKey,
} from './index.ts';

beforeAll(() => tf.setBackend('cpu'));

const step = { index: 2, of: 4, before: 9, after: 5, positions_Bl: Int32Array.of(7, 3, 1, 0) };
const rows = [
  { seed: 5, condition: classOf(0) },
  { seed: 6, condition: classOf(0) },
];

describe('noise', () => {
  it('is keyed by image, step and position', () => {
    expect([0, 1, 2, 3].map((token) => tokenKey(token, step.positions_Bl, { rows, step }))).toEqual([
      { row: 0, step: 2, position: 7 },
      { row: 0, step: 2, position: 3 },
      { row: 1, step: 2, position: 1 },
      { row: 1, step: 2, position: 0 },
    ]);
  });

  it('of an image is the same alone and in a batch', () => {
    const draw = { stream: 'test', count: 3 };
    const both = noisePerToken(step.positions_Bl, draw, { rows, step, rng: keyedRng([5, 6]) });
    const second = step.positions_Bl.slice(2);
    const alone = noisePerToken(second, draw, { rows: rows.slice(1), step, rng: keyedRng([6]) });
    expect(both).toHaveLength(12);
    expect(new Set(both).size).toBe(12);
    expect([...alone]).toEqual([...both.subarray(6)]);
  });
});

describe('guidance', () => {
  const values = Float32Array.of(3, 4, 1, 2);

  it('mixes u + w (c - u), on numbers as in a program', async () => {
    const mixed = guidedNumber(values, { guided: true, weight: 2.5 });
    expect([mixed(0), mixed(1)]).toEqual([6, 7]);
    const plain = guidedNumber(values, { guided: false, weight: 2.5 });
    expect([0, 1, 2, 3].map(plain)).toEqual([...values]);
    const engine = createEngine({ target: 'onnx', threads: 1 });
    const program = engine.compile(mixGuided, { name: 'mix', axes: ['R . .', '.'] });
    const inputs = [tensorFrom(values, [2, 1, 2]) as Tensor3D, tensorFrom([2.5], [1]) as Tensor1D] as const;
    const made = await program(...inputs);
    expect(made.shape).toEqual([1, 1, 2]);
    expect([...(await takeNumbers(made))]).toEqual([6, 7]);
    tf.dispose([...inputs]);
    engine.dispose();
  });

  it('gives both halves the same tokens', () => {
    expect([...doubled(Float32Array.of(1, 2))]).toEqual([1, 2, 1, 2]);
  });
});

describe('takeNumbers', () => {
  it('disposes its tensor, also when it fails', async () => {
    const before = tf.memory().numTensors;
    expect([...(await takeNumbers(tf.tensor1d([1, 2])))]).toEqual([1, 2]);
    const broken = tf.tensor1d([1]);
    Object.assign(broken, { data: () => Promise.reject(new Error('lost')) });
    await expect(takeNumbers(broken)).rejects.toThrow('lost');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('cancelPoint', () => {
  it.each([true, false])('lets a cancel arrive (a runtime with setImmediate: %s)', async (hasImmediate) => {
    const own = globalThis.setImmediate;
    if (!hasImmediate) Reflect.deleteProperty(globalThis, 'setImmediate');
    try {
      const stop = new AbortController();
      await cancelPoint(stop.signal);
      queueMicrotask(() => stop.abort(new Error('enough')));
      await expect(cancelPoint(stop.signal)).rejects.toThrow('enough');
    } finally {
      globalThis.setImmediate = own;
    }
  });
});

describe('the AdaLN-MLP', () => {
  const [W, C] = [8, 3];

  function take(start: (spec: ParamSpec, size: number) => readonly number[]) {
    const taken = new Map<string, { readonly tensor: Tensor; readonly decay: boolean }>();
    const param: Weights['param'] = (name, shape, spec) => {
      const size = shape.reduce((product, side) => product * side, 1);
      taken.set(name, { tensor: tensorFrom(Float32Array.from(start(spec, size)), [...shape]), decay: spec.decay });
      return taken.get(name)!.tensor;
    };
    const params = takeAdaLNMlp({ blocks: 2, width: W, inputs: C, outputs: 2 }, { has: () => true, param }, 'net.');
    return { params, taken };
  }

  const wave = (size: number) => Array.from({ length: size }, (_, i) => Math.sin(i + 1) / 2);

  it('gives 0 while it is fresh, and lets nothing decay', async () => {
    const { params, taken } = take(({ init }, size) =>
      init.kind === 'uniform' ? wave(size) : new Array(size).fill(init.kind === 'ones' ? 1 : 0),
    );
    const made = tf.tidy(() => runAdaLNMlp(params, tf.ones([2, 5, C]), tf.ones([2, 1, W])));
    expect(made.shape).toEqual([2, 5, 2]);
    expect((await takeNumbers(made)).every((value) => value === 0)).toBe(true);
    expect([...taken.values()].some(({ decay }) => decay)).toBe(false);
    expect([...taken.keys()].slice(0, 4)).toEqual([
      'net.input_proj.weight',
      'net.input_proj.bias',
      'net.res_blocks.0.in_ln.weight',
      'net.res_blocks.0.in_ln.bias',
    ]);
    tf.dispose([...taken.values()].map(({ tensor }) => tensor));
  });

  it('depends on its input and on its condition, the same for any leading axes', async () => {
    const { params, taken } = take((_, size) => wave(size));
    const run = (input: readonly number[], condition: number, shape: readonly number[]) =>
      takeNumbers(
        tf.tidy(() =>
          runAdaLNMlp(params, tf.tensor([...input], [...shape, C]), tf.fill([...shape.map(() => 1), W], condition)),
        ),
      );
    const values = [0.5, -1, 2, 1, 0, -0.5];
    const flat = await run(values, 0.5, [2]);
    expect([...(await run(values, 0.5, [1, 2]))]).toEqual([...flat]);
    expect([...(await run(values, -0.5, [2]))]).not.toEqual([...flat]);
    expect(flat[0]).not.toBe(flat[2]);
    tf.dispose([...taken.values()].map(({ tensor }) => tensor));
  });
});

describe('openMixture', () => {
  // Two images of two tokens: two numbers that are mixed, and one that is not.
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  const rows = [0, 1].map((seed) => ({ seed, condition: classOf(0) }));
  const shape = { kind: 'noise', tokens: 2, stride: 3, width: 2, groups: [2], guided: true } as const;

  it('gives the mixture of each image its own numbers, and leaves the others as they are', () => {
    const seen: unknown[] = [];
    const mix: OpenMix = (about) => (given) => {
      seen.push(about, given);
      return given.own_lX.map((own, i) => own + given.none_lX[i]!);
    };
    const mixture = openMixture(shape, { weight: 7, mix, rows });
    const mixed = mixture(values, { state: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), keep: 2, factor: 3 });
    expect(Array.from({ length: 12 }, (_, i) => mixed(i))).toEqual([12, 14, 2, 18, 20, 5, 24, 26, 8, 30, 32, 11]);
    const about = { kind: 'noise', tokens: 2, width: 2, groups: [2] };
    const of = (...numbers: number[]) => Float64Array.from(numbers);
    const clean = { keep: 2, factor: 3 };
    expect(seen).toEqual([
      about,
      { own_lX: of(0, 1, 3, 4), none_lX: of(12, 13, 15, 16), clean: { ...clean, state_lX: of(1, 2, 3, 4) } },
      about,
      { own_lX: of(6, 7, 9, 10), none_lX: of(18, 19, 21, 22), clean: { ...clean, state_lX: of(5, 6, 7, 8) } },
    ]);
  });

  it('is that of the weight where there is no other, and none where nothing is guided', () => {
    const plain = openMixture(shape, { weight: 2, rows })(values);
    expect(plain(1)).toBe(guidedNumber(values, { guided: true, weight: 2 })(1));
    const mix: OpenMix = () => () => [];
    expect(openMixture({ ...shape, guided: false }, { weight: 2, mix, rows })(values)(23)).toBe(23);
  });
});
