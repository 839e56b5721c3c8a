import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { tensorFrom } from '@tessera/engine';
import { fileTensor } from './file-tensor.ts';
import { argsOf, AXES, block, out_OI, WIDTH } from '../fixtures/cached-block.ts';
import { expectSame, floats, numbers, numbersOf } from '../fixtures/compare.ts';

const engine = createEngine({ target: 'onnx', threads: 1 });
const eager = createEngine({ target: 'eager' });

describe('arguments and results', () => {
  it('may be lists, records and null', async () => {
    const fn = (input: { a: Tensor; list: readonly (Tensor | null)[] }) => ({
      sum: tf.add(input.a, input.list[0]!),
      same: [input.a, null, input.a, out_OI],
    });
    const program = engine.compile(fn, { name: 'tree' });
    const a = tensorFrom([1, 2], [2]);
    const before = tf.memory().numTensors;
    const { sum, same } = await program({ a, list: [a, null] });
    expect([...sum.dataSync()]).toEqual([2, 4]);
    expect([...same[2]!.dataSync()]).toEqual([1, 2]);
    expect(same[1]).toBeNull();
    expect([...same[3]!.dataSync()]).toEqual([...out_OI.dataSync()]);
    tf.dispose([sum, same[0]!, same[2]!, same[3]!]);
    expect(tf.memory().numTensors).toBe(before);
    expect([...a.dataSync()]).toEqual([1, 2]);
  });

  it('are ordinary tensors: eager operations take results', async () => {
    const program = engine.compile((a: Tensor) => tf.mul(a, 2), { name: 'double' });
    const before = tf.memory().numTensors;
    const doubled = await program(tensorFrom([1, 2, 3], [3]));
    const shifted = tf.tidy(() => tf.reshape(tf.add(doubled.clone(), 1), [3, 1]));
    expect(shifted.arraySync()).toEqual([[3], [5], [7]]);
    const again = await program(doubled);
    expect([...(await again.data())]).toEqual([4, 8, 12]);
    tf.dispose([doubled, shifted, again]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  it('refuse numbers', async () => {
    const program = engine.compile((a: Tensor) => a, { name: 'numbers' });
    await expect(program(3 as unknown as Tensor)).rejects.toMatchObject({ code: 'not-a-tensor' });
  });

  it('may be disposed as soon as the call has been made', async () => {
    const program = engine.compile((a: Tensor) => tf.square(a), { name: 'borrowed' });
    const a = tf.tensor1d([3]);
    const pending = program(a);
    a.dispose();
    expect((await numbersOf(pending))[0]!.data).toEqual([9]);
  });
});

describe('weights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('stay in their file, at any offset', async () => {
    const path = join(folder, 'weights.bin');
    const values = numbers(12 * 8, 3);
    writeFileSync(path, Buffer.concat([Buffer.alloc(12), Buffer.from(values.buffer)]));
    const weight = fileTensor({ path, offset: 12, shape: [12, 8], dtype: 'float32' }) as Tensor2D;
    const a = floats([5, 8]) as Tensor2D;
    const fn = (x: Tensor2D) => tf.matMul(x, weight, false, true);
    const compiled = await numbersOf(engine.compile(fn, { name: 'file' })(a));
    const inMemory = tensorFrom(values, [12, 8]) as Tensor2D;
    const same = (x: Tensor2D) => tf.matMul(x, inMemory, false, true);
    expect(compiled).toEqual(await numbersOf(engine.compile(same, { name: 'memory' })(a)));
    expect([...weight.dataSync()]).toEqual([...values]);
    await expectSame([engine, eager], fn as (...args: Tensor[]) => Tensor, { args: [a] });
    expect(() => fileTensor({ path, offset: 16, shape: [12, 8], dtype: 'float32' })).toThrow(/at least 400/);
    expect(() => fileTensor({ path: join(folder, 'no'), offset: 0, shape: [1], dtype: 'float32' })).toThrow(
      /no such file/,
    );
    tf.dispose([weight, inMemory, a]);
  });

  it('are read again when a variable has been assigned', async () => {
    const scale = tf.variable(tf.scalar(2));
    const program = engine.compile((a: Tensor) => tf.mul(a, scale), { name: 'variable' });
    expect((await numbersOf(program(tf.scalar(3))))[0]!.data).toEqual([6]);
    scale.assign(tf.scalar(5));
    expect((await numbersOf(program(tf.scalar(3))))[0]!.data).toEqual([15]);
    program.dispose();
    scale.dispose();
  });
});

describe('memory', () => {
  it('of a call goes back to the system where a program asks for it', async () => {
    const squares = (a: Tensor) => tf.sum(tf.matMul(a as Tensor2D, a as Tensor2D, false, true));
    const a = floats([4096, 4]);
    const program = engine.compile(squares, { name: 'large', memory: 'release' });
    const resident = process.memoryUsage().rss;
    tf.dispose(await program(a)); // computes in 64 MiB
    expect(process.memoryUsage().rss - resident).toBeLessThan(32 * 2 ** 20);
    program.dispose();
    a.dispose();
  });

  it('stays flat over many calls', async () => {
    const program = engine.compile(block, { name: 'flat', axes: AXES });
    const args = argsOf(4, 16, 8);
    const call = async () => tf.dispose(await program(...args));
    for (let i = 0; i < 50; i++) await call();
    const [tensors, resident] = [tf.memory().numTensors, process.memoryUsage().rss];
    for (let i = 0; i < 200; i++) await call();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage().rss - resident).toBeLessThan(40 * 2 ** 20);
  });

  it('stays flat over many programs', async () => {
    const fn = (a: Tensor2D) => tf.matMul(a, out_OI as Tensor2D);
    const a = floats([2, WIDTH]) as Tensor2D;
    const once = async () => {
      const program = engine.compile(fn, { name: 'short' });
      tf.dispose(await program(a));
      program.dispose();
    };
    for (let i = 0; i < 50; i++) await once();
    const [tensors, resident] = [tf.memory().numTensors, process.memoryUsage().rss];
    for (let i = 0; i < 200; i++) await once();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage().rss - resident).toBeLessThan(40 * 2 ** 20);
  });
});

describe('errors', () => {
  it.each([
    ['read-while-tracing', (a: Tensor) => tf.mul(a, a.dataSync()[0]!)],
    ['random-while-tracing', (a: Tensor) => tf.add(a, tf.randomNormal([2]))],
    ['random-while-tracing', (a: Tensor) => tf.dropout(a, 0.5)],
    ['kernel-not-traceable', (a: Tensor) => tf.acosh(a)],
    ['not-a-tensor', (a: Tensor) => [a, 3] as unknown as Tensor],
  ] as const)('%s', async (code, fn) => {
    const before = tf.memory().numTensors;
    const program = engine.compile(fn, { name: 'wrong' });
    const a = tf.tensor1d([1, 2]);
    await expect(program(a)).rejects.toMatchObject({ code });
    a.dispose();
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.memory().numTensors).toBe(before);
    expect(Math.random()).toBeLessThan(1);
  });

  it.each([
    ['matMul', (a: Tensor) => tf.matMul(a as Tensor2D, a as Tensor2D)],
    ['broadcasting', (a: Tensor) => tf.add(a, tf.ones([2]))],
    ['reshape', (a: Tensor) => tf.reshape(a, [5])],
    ['concat', (a: Tensor) => tf.concat([a, tf.transpose(a)], 0)],
  ])('name shapes that do not fit: %s', async (who, fn) => {
    const program = engine.compile(fn, { name: 'shapes' });
    await expect(program(floats([2, 3]))).rejects.toThrow(who);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('pass through from the function', async () => {
    const fail = (): Tensor => {
      throw new RangeError('mine');
    };
    await expect(engine.compile(fail, { name: 'mine' })()).rejects.toThrow(RangeError);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('of a run name the program, which then still works', async () => {
    const pick = (values: Tensor, index: Tensor): Tensor => tf.gather(values, index as tf.Tensor1D);
    const program = engine.compile(pick, { name: 'pick' });
    const at = (index: number) => program(tensorFrom([3, 4], [2]), tensorFrom([index], [1], 'int32'));
    await expect(at(9)).rejects.toMatchObject({
      code: 'program-failed',
      message: expect.stringMatching(/^\[pick\] got an error of ONNX Runtime: .*out of/),
    });
    const found = await at(1);
    expect([...(await found.data())]).toEqual([4]);
    program.dispose();
  });

  it('come from calls after dispose', async () => {
    const program = engine.compile((a: Tensor) => tf.neg(a), { name: 'gone' });
    program.dispose();
    await expect(program(tf.scalar(1))).rejects.toMatchObject({ code: 'program-disposed' });
  });
});

describe('the eager target', () => {
  it('leaves arguments and weights to their owners, and no tensors behind', async () => {
    const weight = tf.scalar(2);
    const program = eager.compile((a: Tensor) => [a, weight, tf.mul(a, weight)], { name: 'eager' });
    const a = tensorFrom([4], [1]);
    const before = tf.memory().numTensors;
    const results = await program(a);
    expect(tf.memory().numTensors).toBe(before + 3);
    tf.dispose(results);
    expect([a.dataSync()[0], weight.dataSync()[0]]).toEqual([4, 2]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

afterAll(() => engine.dispose());
