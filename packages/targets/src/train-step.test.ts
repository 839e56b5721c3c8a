import * as tf from '@tensorflow/tfjs';
import { isTesseraError } from '@tessera/errors';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createEngine } from './targets.ts';
import type { TargetName } from './select-target.ts';
import { nn } from '@tessera/engine';
import { isTensorFlowHere, tensorFlowSkip } from '../fixtures/tensorflow-here.ts';
import type { TrainHyper, TrainStep, TrainStepSpec } from '@tessera/engine';

const engines = {
  eager: createEngine({ target: 'eager' }),
  onnx: createEngine({ target: 'onnx', threads: 1 }),
  tensorflow: createEngine({ target: 'tensorflow', threads: 1 }),
  'tensorflow-eager': createEngine({ target: 'tensorflow-eager', threads: 1 }),
};
const optional: readonly TargetName[] = isTensorFlowHere ? ['tensorflow', 'tensorflow-eager'] : [];
const targets: readonly TargetName[] = ['eager', 'onnx', ...optional];
const hyper: TrainHyper = { learningRate: 0.05, weightDecay: 0.1, emaDecay: 0.9, key: 7 };
const variables: tf.Variable[] = [];

function numbers(shape: readonly number[], phase: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) * phase)),
    [...shape],
  );
}

function variable(shape: readonly number[], phase: number): tf.Variable {
  const initial = numbers(shape, phase);
  const made = tf.variable(initial);
  initial.dispose();
  variables.push(made);
  return made;
}

/** A small network with a normalisation, an activation, dropout, an unused parameter and all kinds of aux. */
function network(change: Partial<TrainStepSpec> = {}): TrainStepSpec {
  const [w1, b1, w2, idle] = [variable([6, 4], 0.3), variable([6], 0.7), variable([3, 6], 0.9), variable([2], 1.1)];
  return {
    name: 'network',
    params: [
      { name: 'w1', variable: w1, decay: true },
      { name: 'b1', variable: b1, decay: false },
      { name: 'w2', variable: w2, decay: true },
      { name: 'idle', variable: idle, decay: true },
    ],
    loss: ({ x, y }, rng) => {
      const hidden = nn.gelu(nn.layerNorm(nn.linear(x!, w1, b1), 1e-6), 'tanh');
      const kept = tf.cast(tf.greater(rng.uniform('dropout', hidden.shape), 0.2), 'float32');
      const made = nn.linear(tf.mul(hidden, kept), w2);
      const error = tf.sub(made, y!);
      const loss = tf.mean(tf.square(error)) as tf.Scalar;
      return { loss, aux: { loss, best: tf.argMax(made, -1), worst: tf.max(tf.abs(error)) } };
    },
    betas: [0.9, 0.95],
    eps: 1e-8,
    clip: 0.5,
    ema: true,
    ...change,
  };
}

function batch(rows: number, phase = 1): { x: tf.Tensor; y: tf.Tensor } {
  return { x: numbers([rows, 4], 0.2 * phase), y: numbers([rows, 3], 0.4 * phase) };
}

async function thrown(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'nothing';
  } catch (error) {
    return isTesseraError(error) ? error.code : String(error);
  }
}

function furthest(a: Awaited<ReturnType<TrainStep['state']>>, b: Awaited<ReturnType<TrainStep['state']>>): number {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  const distances = [...a].map(([name, { data }]) => {
    return Math.max(...data.map((x, i) => Math.abs(x - b.get(name)!.data[i]!)));
  });
  return Math.max(...distances);
}

afterEach(() => tf.dispose(variables.splice(0)));
afterAll(() => {
  for (const engine of Object.values(engines)) engine.dispose();
});

describe.each(targets)('a training step on %s', (target) => {
  const engine = engines[target];

  it('is AdamW as published, in numbers computed by hand', async () => {
    const weight = tf.variable(tf.tensor1d([1, -2]));
    variables.push(weight);
    const step = engine.compileTrainStep({
      ...network(),
      params: [{ name: 'weight', variable: weight, decay: true }],
      loss: ({ x }) => ({ loss: tf.sum(tf.mul(weight, x!)) as tf.Scalar }),
      clip: null,
    });
    const expected = { p: [1, -2], m: [0, 0], v: [0, 0] };
    for (const [i, gradient] of [
      [3, 4],
      [1, -1],
    ].entries()) {
      const x = tf.tensor1d(gradient);
      const { gradNorm } = await step.run([{ x }], hyper);
      expect(gradNorm).toBeCloseTo(Math.hypot(...gradient), 5);
      x.dispose();
      gradient.forEach((g, j) => {
        expected.m[j] = 0.9 * expected.m[j]! + 0.1 * g;
        expected.v[j] = 0.95 * expected.v[j]! + 0.05 * g * g;
        const mHat = expected.m[j]! / (1 - 0.9 ** (i + 1));
        const vHat = expected.v[j]! / (1 - 0.95 ** (i + 1));
        expected.p[j] = expected.p[j]! * (1 - 0.05 * 0.1) - (0.05 * mHat) / (Math.sqrt(vHat) + 1e-8);
      });
    }
    const state = await step.state();
    for (const [slot, wanted] of [
      ['param', expected.p],
      ['m', expected.m],
      ['v', expected.v],
    ] as const) {
      state.get(`${slot}.weight`)!.data.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 5));
    }
    expect(state.get('count')!.data[0]).toBe(2);
    step.dispose();
  });

  it('scales gradients down to the norm it is told', async () => {
    const moments = async (clip: number | null): Promise<{ m: Float32Array; gradNorm: number }> => {
      const data = batch(5);
      const step = engine.compileTrainStep(network({ clip }));
      const { gradNorm } = await step.run([data], hyper);
      const m = (await step.state()).get('m.w1')!.data;
      step.dispose();
      tf.dispose(data);
      return { m, gradNorm };
    };
    const [free, clipped] = [await moments(null), await moments(0.1)];
    expect(clipped.gradNorm).toBeCloseTo(free.gradNorm, 5);
    clipped.m.forEach((x, i) => expect(x).toBeCloseTo((free.m[i]! * 0.1) / free.gradNorm, 6));
  });

  it('gives accumulated halves the result of the whole', async () => {
    const { x, y } = batch(6);
    const [xs, ys] = [tf.split(x, 2), tf.split(y, 2)];
    const halves = [0, 1].map((i) => ({ x: xs[i]!, y: ys[i]! }));
    const train = async (batches: Parameters<TrainStep['run']>[0]) => {
      const { params, ...rest } = network();
      const [w1, b1, w2] = params.map((param) => param.variable);
      const loss: TrainStepSpec['loss'] = ({ x, y }) => {
        const error = tf.sub(nn.linear(nn.silu(nn.linear(x!, w1!, b1)), w2!), y!);
        return { loss: tf.mean(tf.square(error)) as tf.Scalar, aux: { bias: tf.mean(error, 0) } };
      };
      const step = engine.compileTrainStep({ ...rest, params, loss });
      const result = await step.run(batches, hyper);
      const state = await step.state();
      step.dispose();
      return { result, state };
    };
    const [together, apart] = [await train([{ x, y }]), await train(halves)];
    expect(apart.result.loss).toBeCloseTo(together.result.loss, 5);
    expect(apart.result.gradNorm).toBeCloseTo(together.result.gradNorm, 5);
    apart.result.aux['bias']!.forEach((one, i) => expect(one).toBeCloseTo(together.result.aux['bias']![i]!, 5));
    expect(furthest(together.state, apart.state)).toBeLessThan(1e-4);
    tf.dispose([x, y, xs, ys]);
  });

  it('continues bit for bit from a saved state', async () => {
    const data = batch(4);
    const step = engine.compileTrainStep(network());
    await step.run([data], hyper);
    const saved = await step.state();
    await step.run([data], { ...hyper, key: 8 });
    const after = await step.state();
    const other = engine.compileTrainStep(network());
    await other.load(saved);
    await other.run([data], { ...hyper, key: 8 });
    expect(await other.state()).toEqual(after);
    saved.delete('m.w1');
    expect(await thrown(() => other.load(saved))).toBe('state-mismatch');
    expect(await other.state()).toEqual(after);
    step.dispose();
    other.dispose();
    tf.dispose(data);
  });

  it('shows parameters or averages in the variables and trains on', async () => {
    const data = batch(4);
    const spec = network();
    const shown = spec.params[0]!.variable;
    const before = shown.dataSync().slice();
    const step = engine.compileTrainStep(spec);
    await step.run([data], hyper);
    expect(shown.dataSync()).toEqual(before);
    await step.sync('ema');
    const state = await step.state();
    expect(shown.dataSync()).toEqual(state.get('ema.w1')!.data);
    const { loss } = await step.evaluate(data, 3);
    await step.sync('params');
    expect(shown.dataSync()).toEqual(state.get('param.w1')!.data);
    expect((await step.evaluate(data, 3)).loss).toBe(loss);
    expect(await step.state()).toEqual(state);
    step.dispose();
    tf.dispose(data);
  });

  it('refuses a loss that is not finite and stays as it was', async () => {
    const [good, bad] = [batch(4), batch(4)];
    const infinite = tf.mul(bad.x, Infinity);
    const step = engine.compileTrainStep(network());
    await step.run([good], hyper);
    const before = await step.state();
    expect(await thrown(() => step.run([{ ...bad, x: infinite }], hyper))).toBe('loss-not-finite');
    expect(await step.state()).toEqual(before);
    expect((await step.run([good], hyper)).loss).toBeGreaterThan(0);
    step.dispose();
    tf.dispose([good, bad, infinite]);
  });

  it('reads what another step has trained', async () => {
    const data = batch(4);
    const spec = network();
    const step = engine.compileTrainStep(spec);
    const critic = variable([1], 1);
    const other = engine.compileTrainStep({
      ...network(),
      name: 'critic',
      params: [{ name: 'critic', variable: critic, decay: false }],
      frozen: spec.params,
      loss: () => {
        const seen = tf.sum(spec.params[0]!.variable);
        return { loss: tf.sum(tf.mul(critic, seen)) as tf.Scalar, aux: { seen } };
      },
    });
    for (let i = 0; i < 2; i++) {
      await step.run([data], hyper);
      const { aux } = await other.run([{}], hyper);
      const trained = (await step.state()).get('param.w1')!.data.reduce((a, b) => a + b, 0);
      expect(aux['seen']![0]).toBeCloseTo(trained, 5);
    }
    step.dispose();
    other.dispose();
    tf.dispose(data);
  });

  it('keeps its memory flat over 200 steps', async () => {
    const data = batch(4);
    const step = engine.compileTrainStep(network());
    await step.run([data], hyper);
    const tensors = tf.memory().numTensors;
    const bytes = process.memoryUsage().rss;
    for (let i = 0; i < 200; i++) await step.run([data], { ...hyper, key: i });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage().rss - bytes).toBeLessThan(64 * 2 ** 20);
    step.dispose();
    tf.dispose(data);
  });

  it('says what is wrong with a call', async () => {
    const step = engine.compileTrainStep(network({ ema: false }));
    expect(await thrown(() => step.run([], hyper))).toBe('batch-missing');
    expect(await thrown(() => step.sync('ema'))).toBe('ema-missing');
    step.dispose();
    expect(await thrown(() => step.state())).toBe('step-disposed');
  });
});

describe(`targets${tensorFlowSkip}`, () => {
  it('agree over several steps, batches and shapes', async () => {
    const states = [];
    for (const target of targets) {
      const step = engines[target].compileTrainStep(network());
      const results = [];
      for (let i = 0; i < 4; i++) {
        const data = [batch(3 + (i % 2), 1 + i), batch(5, 2 + i)];
        results.push(await step.run(i === 2 ? data : data.slice(0, 1), { ...hyper, key: i }));
        tf.dispose(data);
      }
      const data = batch(5);
      results.push(await step.evaluate(data, 1));
      tf.dispose(data);
      states.push({ state: await step.state(), results });
      step.dispose();
    }
    const [eager, ...others] = states as [(typeof states)[0], ...typeof states];
    for (const other of others) {
      expect(furthest(eager.state, other.state)).toBeLessThan(2e-5);
      for (const [i, { loss, gradNorm, aux }] of eager.results.entries()) {
        expect(other.results[i]!.loss).toBeCloseTo(loss, 5);
        expect(other.results[i]!.gradNorm).toBeCloseTo(gradNorm, 5);
        expect(other.results[i]!.aux['best']).toEqual(aux['best']);
        expect(other.results[i]!.aux['worst']![0]).toBeCloseTo(aux['worst']![0]!, 5);
      }
    }
  });
});
