import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { floats } from '../testing/compare.ts';
import type { Graph } from '../trace/graph.ts';
import { trace } from '../trace/trace.ts';
import { lowerGraph } from './lower-graph.ts';
import { buildProgram } from './program.ts';
import { ortTensor } from './runtime.ts';
import { packWeights } from './weights.ts';

const weight_OI = floats([8, 6], 2);
const bias_O = floats([8], 3);
const linear = (x: Tensor) => [tf.add(tf.matMul(x as tf.Tensor2D, weight_OI as tf.Tensor2D, false, true), bias_O)];
const x = floats([4, 6], 5);
const feed = () => ortTensor({ data: x.dataSync() as Float32Array, dtype: 'float32', shape: x.shape });
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
    expect(ours.data).toEqual(theirs.data);
    (ours.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(expected()[i]!, 5));
    await Promise.all([beside.release(), inline.release()]);
  });

  it('takes parameters as feeds, and its own results again', async () => {
    const graph = traceLinear([weight_OI, bias_O]);
    expect(graph.captured).toEqual([]);
    const program = await buildProgram(lowerGraph(graph), { name: 'linear', threads: 1 });
    const bias = await ortTensor({ data: new Float32Array(8), dtype: 'float32', shape: [8] });
    const eye = Float32Array.from({ length: 48 }, (_, i) => (i % 6 === Math.floor(i / 6) ? 1 : 0));
    const weight = await ortTensor({ data: eye, dtype: 'float32', shape: [8, 6] });
    const [result] = await program.run([await feed(), weight, bias]);
    const rows = x.arraySync() as number[][];
    expect([...(result!.data as Float32Array)]).toEqual(rows.flatMap((row) => [...row, 0, 0]));
    await program.release();
  });

  it('writes results into tensors that it is given', async () => {
    const program = await buildProgram(lowerGraph(traceLinear()), { name: 'linear', threads: 1 });
    const into = await ortTensor({ data: new Float32Array(32), dtype: 'float32', shape: [4, 8] });
    const [fresh] = await program.run([await feed()]);
    await program.run([await feed()], [into]);
    expect(into.data).toEqual(fresh!.data);
    await program.release();
  });

  it('says what ONNX Runtime has against a model', async () => {
    const model = lowerGraph(traceLinear());
    const nodes = [{ ...model.nodes[0]!, op: 'NoSuchOperator' }, ...model.nodes.slice(1)];
    const building = buildProgram({ ...model, nodes }, { name: 'broken', threads: 1 });
    await expect(building).rejects.toMatchObject({ code: 'program-rejected', name: 'TesseraError' });
  });
});

describe('lowerGraph', () => {
  it('uses a weight as it is when its transpositions cancel', () => {
    const filter_OIHW = floats([4, 3, 3, 3]);
    const conv = (image: Tensor) => {
      const filter_HWIO = tf.transpose(filter_OIHW, [2, 3, 1, 0]) as tf.Tensor4D;
      return [tf.conv2d(image as tf.Tensor4D, filter_HWIO, 1, 'same')];
    };
    const graph = trace(conv, { name: 'conv', inputs: [{ shape: [1, 5, 5, 3], dtype: 'float32' }] });
    const { nodes } = lowerGraph(graph);
    expect(nodes.map(({ op }) => op)).toEqual(['Transpose', 'Conv', 'Transpose']);
    expect(nodes[1]!.inputs[1]).toBe('w0');
    filter_OIHW.dispose();
  });

  it('keeps what nobody needs out of the graph, and uniform arrays small', () => {
    const fn = (a: Tensor) => {
      tf.exp(a);
      return [tf.add(a, tf.zeros([1000]))];
    };
    const graph = trace(fn, { name: 'lean', inputs: [{ shape: [1000], dtype: 'float32' }] });
    expect(graph.nodes.map(({ kernel }) => kernel)).toEqual(['Fill', 'Add']);
    expect(graph.constants).toEqual([]);
  });
});
