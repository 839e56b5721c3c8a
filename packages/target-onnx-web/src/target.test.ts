import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { makeEngine, nn, tensorFrom, useInt8 } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import { describe, expect, it } from 'vitest';
import { onnxWebTarget } from './index.ts';

/* In Node; examples/in-the-browser draws whole images in a real browser. */

const folder = join(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'), '..');
const wasm = readFileSync(join(folder, 'ort-wasm-simd-threaded.wasm'));

const numbers = (size: number, phase: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(phase * (i + 1)));
const weight_OI = tensorFrom(numbers(48, 2), [8, 6]) as Tensor2D;
const block = (x_lI: Tensor2D) => nn.gelu(tf.matMul(x_lI, weight_OI, false, true), 'tanh');

describe('onnxWebTarget', () => {
  it('gives the numbers of plain tfjs, and feeds its results to the next program', async () => {
    const web = makeEngine({ target: onnxWebTarget({ wasm }) });
    const plain = createEngine({ target: 'eager' });
    const run = async ({ compile }: typeof web) => {
      const [first, second] = [
        compile(block, { name: 'first', axes: ['l .'] }),
        compile((x: Tensor2D) => nn.gelu(x, 'tanh'), { name: 'second' }),
      ];
      const results: number[][] = [];
      for (const rows of [3, 5]) {
        const x_lI = tensorFrom(numbers(rows * 6, 3), [rows, 6]) as Tensor2D;
        const hidden = await first(x_lI);
        const result = await second(hidden as Tensor2D);
        results.push([...(await result.data())]);
        tf.dispose([x_lI, hidden, result]);
      }
      return results.flat();
    };
    const [ours, theirs] = [await run(web), await run(plain)];
    expect(ours).toHaveLength(64);
    ours.forEach((value, i) => expect(value).toBeCloseTo(theirs[i]!, 5));
    web.dispose();
    plain.dispose();
  });

  it('multiplies in 8 bits where a model was opened so', async () => {
    const web = makeEngine({ target: onnxWebTarget({ wasm }) });
    const plain = createEngine({ target: 'eager' });
    const reduced_OI = tensorFrom(numbers(48, 2), [8, 6]);
    useInt8(reduced_OI);
    const x_lI = tensorFrom(numbers(18, 3), [3, 6]) as Tensor2D;
    const [ours, theirs] = await Promise.all(
      [web, plain].map(async ({ compile }) => {
        const result = await compile((x: Tensor2D) => nn.linear(x, reduced_OI), { name: 'int8' })(x_lI);
        return [...(await result.data())];
      }),
    );
    expect(ours).toHaveLength(24);
    ours!.forEach((value, i) => expect(value).toBeCloseTo(theirs![i]!, 5));
    web.dispose();
    plain.dispose();
  });

  it('says that it does not train', async () => {
    const web = makeEngine({ target: onnxWebTarget({ wasm }) });
    const weight = { name: 'weight', variable: tf.variable(tf.scalar(1)), decay: false };
    const loss = () => ({ loss: tf.square(weight.variable) as Scalar });
    const spec = {
      name: 'toy',
      params: [weight],
      loss,
      betas: [0.9, 0.95],
      eps: 1e-8,
      clip: null,
      ema: false,
    } as const;
    await expect(web.compileTrainStep(spec).state()).rejects.toThrow(/onnx-web/);
  });
});
