import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import { defineFused, trace } from '@tessera/engine';
import type { OnnxLowering } from '@tessera/onnx-graph';
import { expectSame, floats, numbersOf } from '../fixtures/compare.ts';

const engine = createEngine({ target: 'onnx', threads: 1 });
const eager = createEngine({ target: 'eager' });

interface Inputs {
  readonly x: Tensor;
  readonly shift?: Tensor | undefined;
}

interface Attrs {
  readonly slope: number;
}

const spec = {
  name: 'TestLeaky',
  shape: ({ x }: Inputs) => x.shape,
  forward: ({ x, shift }: Inputs, { slope }: Attrs) => tf.leakyRelu(shift ? tf.add(x, shift) : x, slope),
};
const lower: OnnxLowering = ({ inputs, attrs }, onnx) => {
  const [x, shift] = [onnx.name(inputs.x!), inputs.shift && onnx.name(inputs.shift)];
  return onnx.op('LeakyRelu', [shift ? onnx.op('Add', [x, shift]) : x], { alpha: { float: attrs.slope as number } });
};
const plain = defineFused<Inputs, Attrs>({ ...spec, lowerings: { onnx: lower } });
const withGradient = defineFused<Inputs, Attrs>({
  ...spec,
  lowerings: { onnx: lower },
  gradient: ({ dy, y, attrs }) => {
    const slope = tf.where(tf.greater(y, 0), tf.onesLike(y), tf.fill(y.shape, attrs.slope));
    return { x: () => tf.mul(dy, slope), shift: () => tf.mul(dy, slope) };
  },
});

const args = [floats([3, 4]), floats([3, 4], 2)];
const attrs = { slope: 0.2 };

describe('a fused op', () => {
  it.each([
    ['without a gradient', plain],
    ['with a gradient', withGradient],
  ])('%s computes and differentiates the same everywhere', async (_, op) => {
    await expectSame([engine, eager], (x: Tensor, shift: Tensor) => [op({ x, shift }, attrs), op({ x }, attrs)], {
      args,
    });
    const gradients = (...given: Tensor[]) =>
      tf.grads((x: Tensor, shift: Tensor) => tf.sum(tf.square(op({ x, shift }, attrs))))(given);
    await expectSame([engine, eager], gradients, { args });
    const composed = (...given: Tensor[]) =>
      tf.grads((x: Tensor, shift: Tensor) => tf.sum(tf.square(spec.forward({ x, shift }, attrs))))(given);
    const both = (...given: Tensor[]) => gradients(...given).map((ours, i) => tf.sub(ours, composed(...given)[i]!));
    for (const { data } of await numbersOf(eager.compile(both, { name: 'difference' })(...args))) {
      expect(Math.max(...data.map(Math.abs))).toBeLessThan(1e-6);
    }
  });

  it('is one node, with the inputs that it was given', () => {
    const fn = (x: Tensor) => [plain({ x }, attrs)];
    const { nodes } = trace(fn, { name: 'fused', inputs: [{ shape: [2], dtype: 'float32' }] });
    expect(nodes.map(({ kernel, inputs }) => [kernel, Object.keys(inputs)])).toEqual([['TestLeaky', ['x']]]);
  });

  it('stays itself beside one of the same name, in a program and in a training step', async () => {
    const times = (factor: number) => {
      const lower: OnnxLowering = ({ inputs }, onnx) =>
        onnx.op('Mul', [onnx.name(inputs.x!), onnx.scalar(factor, 'float32')]);
      return defineFused<Pick<Inputs, 'x'>, object>({
        name: 'AcmeTimes',
        shape: ({ x }) => x.shape,
        forward: ({ x }) => tf.mul(x, factor),
        gradient: ({ dy }) => ({ x: () => tf.mul(dy, factor) }),
        lowerings: { onnx: lower },
      });
    };
    const [twice, thrice] = [times(2), times(3)];
    const both = (x: Tensor) => tf.add(twice({ x }, {}), thrice({ x }, {}));
    const program = engine.compile(both, { name: 'both' });
    expect((await numbersOf(program(tf.ones([2]))))[0]!.data).toEqual([5, 5]);
    const variable = tf.variable(tf.ones([2]));
    const step = engine.compileTrainStep({
      name: 'both',
      params: [{ name: 'x', variable, decay: false }],
      loss: () => ({ loss: tf.sum(both(variable)) as tf.Scalar }),
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: null,
      ema: false,
    });
    const { loss } = await step.run([{}], { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 0 });
    expect(loss).toBe(10);
    step.dispose();
    program.dispose();
    variable.dispose();
  });

  it('may not have a name that a target knows as another op', () => {
    for (const name of ['Relu', 'TesseraInterleave']) {
      expect(() => defineFused<Inputs, Attrs>({ ...spec, name })).toThrow(/got the name/);
    }
    expect(() => defineFused<Inputs, Attrs>({ ...spec, name: 'toString' })).not.toThrow();
  });

  it('gives zeros for inputs without a gradient', () => {
    const op = defineFused<Inputs, Attrs>({ ...spec, gradient: ({ dy }) => ({ x: () => dy }) });
    const [, shift] = tf.grads((x: Tensor, s: Tensor) => tf.sum(op({ x, shift: s }, attrs)))([...args]);
    expect([...shift!.dataSync()]).toEqual(Array.from({ length: 12 }, () => 0));
    shift!.dispose();
  });

  it('notices a shape that is not what forward gives', () => {
    const op = defineFused<Inputs, Attrs>({ ...spec, shape: () => [1] });
    expect(() => op({ x: args[0]! }, attrs)).toThrow(/\[3,4\] from forward/);
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    tf.grad((x: Tensor) => tf.sum(withGradient({ x }, attrs)))(args[0]!).dispose();
    withGradient({ x: args[0]! }, attrs).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

afterAll(() => engine.dispose());
