import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import type { CompileOptions } from '@tessera/engine';
import { nn } from '@tessera/engine';
import { argsOf, AXES, block, WIDTH } from '../fixtures/cached-block.ts';
import { expectSame, floats, numbersOf } from '../fixtures/compare.ts';

const engine = createEngine({ target: 'onnx', threads: 1 });
const eager = createEngine({ target: 'eager' });

const SHAPES = [
  [1, 1, 0],
  [2, 1, 0],
  [2, 4, 1],
  [8, 9, 5],
  [1, 9, 5],
  [3, 16, 14],
] as const;

describe('a program for many shapes', () => {
  const program = engine.compile(block, { name: 'block', axes: AXES });

  it.each(SHAPES)('gives the bytes of a program for one shape: %i rows, %i tokens after %i', async (...sizes) => {
    const args = argsOf(...sizes);
    const fixed = engine.compile(block, { name: 'fixed' });
    expect(await numbersOf(program(...args))).toEqual(await numbersOf(fixed(...args)));
    fixed.dispose();
    await expectSame([engine, eager], block as (...args: Tensor[]) => Tensor[], { args });
  });

  it('takes all of them with one session', () => {
    const profile = engine.profile().find(({ name }) => name === 'block')!;
    expect(profile).toMatchObject({ calls: SHAPES.length, sessions: 1, shapes: SHAPES.length });
  });

  it('gives a row the same bytes alone and among others', async () => {
    const [hidden, past] = argsOf(8, 9, 5);
    const together = await numbersOf(program(hidden, past));
    for (const row of [0, 3, 7]) {
      const alone = await numbersOf(program(tf.slice(hidden, row, 1), tf.slice(past, row, 1)));
      alone.forEach(({ data }, i) => {
        expect(together[i]!.data.slice(row * data.length, (row + 1) * data.length)).toEqual(data);
      });
    }
  });

  it('refuses sizes that contradict each other', async () => {
    const [hidden] = argsOf(2, 3, 0);
    await expect(program(hidden, floats([1, 4, WIDTH]) as Tensor3D)).rejects.toMatchObject({ code: 'axes-mismatch' });
    await expect(program(hidden, floats([2, WIDTH]) as Tensor3D)).rejects.toMatchObject({ code: 'axes-mismatch' });
  });
});

describe('axes', () => {
  const check = (axes: string[], fn: (...args: Tensor[]) => Tensor, shapes: number[][]) => {
    const program = engine.compile(fn, { name: 'axes', axes });
    return numbersOf(program(...shapes.map((shape) => floats(shape))));
  };

  it('may be sums and multiples', async () => {
    const add = (a: Tensor, b: Tensor) => tf.add(tf.concat([a, a], 0), b);
    expect((await check(['R l', '2R l'], add, [[2, 3], [4, 3]]))[0]!.shape).toEqual([4, 3]); // prettier-ignore
    const bias = (a: Tensor, p: Tensor, b: Tensor) => tf.add(tf.concat([p, a], 1), b);
    expect((await check(['R l', 'R P', 'P+l'], bias, [[2, 3], [2, 0], [3]]))[0]!.shape).toEqual([2, 3]); // prettier-ignore
    await expect(check(['R l', 'R P', 'P+l'], bias, [[2, 3], [2, 1], [3]])).rejects.toMatchObject({ code: 'axes-mismatch' }); // prettier-ignore
  });

  it('are checked when the program is made', () => {
    expect(() => engine.compile((a: Tensor) => a, { name: 'axes', axes: ['R *'] })).toThrow(/axes|axis/);
  });

  it('may lead to constants that depend on sizes', async () => {
    const scaled = (a: Tensor) => tf.add(tf.mul(a, 1 / a.shape[0]!), tf.range(0, a.shape[0]!));
    const program = engine.compile(scaled, { name: 'constants', axes: ['n'] });
    for (const n of [1, 2, 5, 9]) {
      const [result] = await numbersOf(program(tf.ones([n])));
      expect(result!.data).toEqual(Array.from({ length: n }, (_, i) => Math.fround(Math.fround(1 / n) + i)));
    }
  });

  it('fall back to one session a shape where the program itself changes', async () => {
    const powers = (a: Tensor) => {
      let result = a;
      for (let i = 1; i < a.shape[0]!; i++) result = tf.mul(result, a);
      return result;
    };
    const program = engine.compile(powers, { name: 'powers', axes: ['n'] });
    for (const n of [3, 1, 2, 3]) expect((await numbersOf(program(tf.fill([n], 2))))[0]!.data[0]).toBe(2 ** n);
    const profile = engine.profile().find(({ name }) => name === 'powers')!;
    expect(profile).toMatchObject({ sessions: 3, alone: 'its graph changes with its sizes' });
  });

  it('fall back where sizes obey a rule that they do not say, and the profile says what the function said', async () => {
    const fives = (a: Tensor) => {
      if (a.shape[0]! % 5 !== 0) throw new Error(`${a.shape[0]} is no multiple of 5`);
      return tf.mul(a, 2);
    };
    const program = engine.compile(fives, { name: 'fives', axes: ['n'] });
    for (const n of [5, 10]) expect((await numbersOf(program(tf.ones([n]))))[0]!.data[0]).toBe(2);
    const profile = engine.profile().find(({ name }) => name === 'fives')!;
    expect(profile).toMatchObject({ sessions: 2, alone: 'at n = 192: 192 is no multiple of 5' });
    expect(engine.profile().find(({ name }) => name === 'block')).toMatchObject({ alone: null });
  });

  it('work for images whose sizes must divide', async () => {
    const weight = floats([4, 3, 3, 3]) as Tensor4D;
    const net = (image: Tensor4D) => nn.upsample2x(nn.conv2d(image, weight, null, { stride: 2, pad: 1 }));
    const options: CompileOptions = { name: 'image', axes: ['B h w .'] };
    const [program, reference] = [engine.compile(net, options), eager.compile(net, options)];
    for (const shape of [
      [1, 8, 8, 3],
      [2, 12, 8, 3],
    ]) {
      // prettier-ignore
      const image = floats(shape) as Tensor4D;
      const [ours, theirs] = [await numbersOf(program(image)), await numbersOf(reference(image))];
      expect(ours[0]!.shape).toEqual(theirs[0]!.shape);
      ours[0]!.data.forEach((x, i) => expect(x).toBeCloseTo(theirs[0]!.data[i]!, 4));
    }
  });
});

afterAll(() => engine.dispose());
