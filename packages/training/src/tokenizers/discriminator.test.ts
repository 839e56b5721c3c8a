import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import type { Param } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import { createEngine } from '@tessera/targets';
import { afterAll, describe, expect, it } from 'vitest';
import { adversarialLoss } from './adversarial.ts';
import { discriminatorLoss, patchDiscriminator } from './discriminator.ts';

/** What PyTorch computes: see discriminator.py beside it. */
interface Recorded {
  readonly weights: {
    readonly r1: number;
    readonly lecam: number;
    readonly anchors: number[];
    readonly l1: number;
    readonly l2: number;
  };
  readonly hinge: number;
  readonly r1: number;
  readonly lecam: number;
  readonly adaptive: number;
  readonly gradients: Readonly<Record<'r1' | 'whole', Readonly<Record<string, readonly number[]>>>>;
}

const recorded = JSON.parse(
  readFileSync(new URL('../../fixtures/discriminator.json', import.meta.url), 'utf8'),
) as Recorded;
const { weights } = recorded;

function sines(shape: readonly number[], phase: number, [factor, offset] = [1, 0]): tf.Tensor {
  const size = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from({ length: size }, (_, i) => offset! + factor! * Math.sin(12.9898 * (i + 1) * phase));
  return tf.tensor(values, [...shape]);
}

/** The recorded discriminator, its two levels in the order of their parameters. */
function opened() {
  const fresh = freshWeights(0);
  const discriminator = patchDiscriminator(fresh, { channels: 2, width: 4, levels: 2 });
  const order = ['conv.weight', 'conv.bias', 'norm.weight', 'norm.bias'];
  const names = [...[0, 1].flatMap((level) => order.map((name) => `level.${level}.${name}`)), 'out.weight', 'out.bias'];
  const params = names.map((name): Param => fresh.params.find((param) => param.name === name)!);
  for (const [place, { name, variable }] of params.entries()) {
    const offset = name.endsWith('norm.weight') ? 1 : 0;
    tf.tidy(() => variable.assign(sines(variable.shape, 0.3 + 0.1 * place, [0.4, offset])));
  }
  return { discriminator, params, dispose: () => fresh.dispose() };
}

const images = { image_BHWC: sines([3, 8, 8, 2], 0.21), made_BHWC: sines([3, 8, 8, 2], 0.37) };
const engines = { eager: createEngine({ target: 'eager' }), onnx: createEngine({ target: 'onnx', threads: 1 }) };
afterAll(() => {
  for (const engine of Object.values(engines)) engine.dispose();
});

/** Loss and gradients of one step. With betas of 0, the first moment is the gradient. */
async function stepOn(target: keyof typeof engines, only: 'r1' | 'whole') {
  const { discriminator, params, dispose } = opened();
  const step = engines[target].compileTrainStep({
    name: 'discriminator',
    params,
    loss: ({ image_BHWC, made_BHWC, r1, lecam, anchors_2 }) => {
      const { loss, aux } = discriminatorLoss(discriminator, {
        real_BHWC: image_BHWC as Tensor4D,
        made_BHWC: made_BHWC as Tensor4D,
        r1,
        lecam: lecam && { weight: lecam, anchors_2: anchors_2 as Tensor1D },
      });
      return { loss: only === 'r1' ? (aux['r1'] as Scalar) : loss, aux };
    },
    betas: [0, 0],
    eps: 1e-8,
    clip: null,
    ema: false,
  });
  const terms = { r1: tf.scalar(weights.r1), lecam: tf.scalar(weights.lecam), anchors_2: tf.tensor1d(weights.anchors) };
  const hyper = { learningRate: 0, weightDecay: 0, emaDecay: 0, key: 1 };
  const { aux, loss } = await step.run([{ ...images, ...terms }], hyper);
  const state = await step.state();
  step.dispose();
  dispose();
  return { aux, loss, gradient: (name: string) => [...state.get(`m.${name}`)!.data] };
}

describe.each(['eager', 'onnx'] as const)('terms of a discriminator, as PyTorch computes them, on %s', (target) => {
  it.each(['r1', 'whole'] as const)('with their gradients: %s', async (only) => {
    const { aux, loss, gradient } = await stepOn(target, only);
    for (const term of ['hinge', 'r1', 'lecam'] as const) expect(aux[term]![0]).toBeCloseTo(recorded[term], 5);
    const whole = recorded.hinge + weights.r1 * recorded.r1 + weights.lecam * recorded.lecam;
    expect(loss).toBeCloseTo(only === 'r1' ? recorded.r1 : whole, 5);
    const expected = Object.entries(recorded.gradients[only]);
    expect(expected.length).toBeGreaterThan(6);
    for (const [name, values] of expected) {
      const most = Math.max(...values.map(Math.abs));
      for (const [i, value] of gradient(name).entries()) {
        expect(Math.abs(value - values[i]!), `${name}[${i}]`).toBeLessThan(2e-5 + 1e-3 * most);
      }
    }
  });
});

describe("the autoencoder's side", () => {
  it('has the adaptive weight of PyTorch', () => {
    const { discriminator, dispose } = opened();
    const real = images.image_BHWC as Tensor4D;
    const reconstruction = (made: Tensor4D): Scalar => {
      const error = tf.sub(made, real);
      return tf.add(tf.mul(weights.l1, tf.mean(tf.abs(error))), tf.mul(weights.l2, tf.mean(tf.square(error))));
    };
    const { weight } = adversarialLoss(images.made_BHWC as Tensor4D, { discriminator, reconstruction });
    expect(weight.dataSync()[0]! / recorded.adaptive).toBeCloseTo(1, 4);
    dispose();
  });
});
