import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { trace, type Graph } from '@tessera/engine';
import { lowerGraph } from '@tessera/onnx-graph';
import { buildProgram } from './program.ts';
import { ortNumbers } from './runtime.ts';
import { packWeights } from './program.ts';

/** Fixed numbers between -1 and 1. */
function floats(shape: readonly number[], phase = 1): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) * phase));
  return tf.tensor(data, [...shape]);
}

const weight_OI = floats([8, 6], 2);
const bias_O = floats([8], 3);
const linear = (x: Tensor) => [tf.add(tf.matMul(x as tf.Tensor2D, weight_OI as tf.Tensor2D, false, true), bias_O)];
const x = floats([4, 6], 5);
const feed = () => ortNumbers({ data: x.dataSync() as Float32Array, dtype: 'float32', shape: x.shape });
const traceLinear = (parameters: readonly Tensor[] = []): Graph => {
  return trace(linear, { name: 'linear', inputs: [{ shape: [4, 6], dtype: 'float32' }], parameters });
};
const expected = () => tf.tidy(() => [...linear(x)[0]!.dataSync()]);

describe('buildProgram', () => {
  it('hands over weights in memory beside the model where they are many', async () => {
    const model = lowerGraph(traceLinear());
    const options = { name: 'linear', threads: 1, inlineLimit: 100 };
    expect(packWeights(model, options).memory.map(({ data }) => data.byteLength)).toEqual([192, 32]);
    expect(packWeights(model, { name: 'linear' }).memory).toEqual([]);
    const [beside, inline] = [
      await buildProgram(model, options),
      await buildProgram(model, { name: 'linear', threads: 1 }),
    ];
    const [ours, theirs] = [(await beside.run([await feed()]))[0]!, (await inline.run([await feed()]))[0]!];
    expect(ours.readSync()).toEqual(theirs.readSync());
    ours.readSync().forEach((value, i) => expect(value).toBeCloseTo(expected()[i]!, 5));
    await Promise.all([beside.release(), inline.release()]);
  });

  it('takes parameters as feeds, and its own results again', async () => {
    const graph = traceLinear([weight_OI, bias_O]);
    expect(graph.captured).toEqual([]);
    const program = await buildProgram(lowerGraph(graph), { name: 'linear', threads: 1 });
    const bias = await ortNumbers({ data: new Float32Array(8), dtype: 'float32', shape: [8] });
    const eye = Float32Array.from({ length: 48 }, (_, i) => (i % 6 === Math.floor(i / 6) ? 1 : 0));
    const weight = await ortNumbers({ data: eye, dtype: 'float32', shape: [8, 6] });
    const [result] = await program.run([await feed(), weight, bias]);
    const rows = x.arraySync() as number[][];
    expect([...result!.readSync()]).toEqual(rows.flatMap((row) => [...row, 0, 0]));
    await program.release();
  });

  it('writes results into tensors that it is given', async () => {
    const program = await buildProgram(lowerGraph(traceLinear()), { name: 'linear', threads: 1 });
    const into = await ortNumbers({ data: new Float32Array(32), dtype: 'float32', shape: [4, 8] });
    const [fresh] = await program.run([await feed()]);
    await program.run([await feed()], [into]);
    expect(into.readSync()).toEqual(fresh!.readSync());
    await program.release();
  });

  it('says what ONNX Runtime has against a model', async () => {
    const model = lowerGraph(traceLinear());
    const nodes = [{ ...model.nodes[0]!, op: 'NoSuchOperator' }, ...model.nodes.slice(1)];
    const building = buildProgram({ ...model, nodes }, { name: 'broken', threads: 1 });
    await expect(building).rejects.toMatchObject({ code: 'program-rejected', name: 'TesseraError' });
  });
});
