import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { trace } from '@tessera/engine';
import { lowerGraph } from './lower-graph.ts';

describe('lowerGraph', () => {
  it('uses a weight as it is when its transpositions cancel', () => {
    const filter_OIHW = tf.ones([4, 3, 3, 3]);
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

  it('keeps what is not needed out of the graph, and uniform arrays small', () => {
    const fn = (a: Tensor) => {
      tf.exp(a);
      return [tf.add(a, tf.zeros([1000]))];
    };
    const graph = trace(fn, { name: 'lean', inputs: [{ shape: [1000], dtype: 'float32' }] });
    expect(graph.nodes.map(({ kernel }) => kernel)).toEqual(['Fill', 'Add']);
    expect(graph.constants).toEqual([]);
  });
});
