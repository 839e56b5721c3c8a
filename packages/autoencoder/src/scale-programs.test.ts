import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { describe, expect, it } from 'vitest';
import { ProgramSet } from './scale-programs.ts';

describe('ProgramSet', () => {
  it('compiles a program once, and lets all of them go', async () => {
    const engine = createEngine({ target: 'onnx' });
    const programs = new ProgramSet(engine, 'test');
    const twice = () => programs.once('twice', {}, (x: Tensor) => tf.mul(x, 2));
    expect(twice()).toBe(twice());
    const x = tensorFrom([1, 2], [2]);
    const made = await twice()(x);
    expect([...(await made.data())]).toEqual([2, 4]);
    expect(engine.profile().map(({ name }) => name)).toEqual(['test.twice']);
    programs.dispose();
    expect(engine.profile()).toEqual([]);
    tf.dispose([x, made]);
    engine.dispose();
  });
});
