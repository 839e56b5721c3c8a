import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { trace } from '@tessera/engine';
import { type Stage, partition } from './partition.ts';
import { lowerInParts } from './lower-graph.ts';

const inputs = [
  { shape: [8, 8], dtype: 'float32' },
  { shape: [8, 8], dtype: 'float32' },
] as const;

function stagesOf(fn: (x: Tensor2D, w: Tensor2D) => Tensor | readonly Tensor[]): readonly Stage[] {
  const results = (made: Tensor | readonly Tensor[]): readonly Tensor[] => (made instanceof tf.Tensor ? [made] : made);
  return partition(trace((x, w) => results(fn(x as Tensor2D, w as Tensor2D)), { name: 'cut', inputs }));
}

const kernels = (stages: readonly Stage[]): string[] =>
  stages.map(({ whole, cluster }) =>
    [whole, cluster.nodes].map((nodes) => nodes.map(({ kernel }) => kernel).join()).join(' | '),
  );

describe('partition', () => {
  it('puts what lies between two products into one cluster', () => {
    const stages = stagesOf((x, w) => tf.matMul(tf.relu(tf.exp(tf.matMul(x, w))) as Tensor2D, w));
    expect(kernels(stages)).toEqual(['BatchMatMul | Exp,Relu', 'BatchMatMul | ']);
    expect(stages[0]!.cluster.outputs).toHaveLength(1);
  });

  it('puts what does not touch into one cluster, if it can run at the same time', () => {
    expect(kernels(stagesOf((x, w) => [tf.exp(x), tf.relu(tf.matMul(x, w))]))).toEqual(['BatchMatMul | Exp,Relu']);
  });

  it('makes no circle: what waits for a product lies behind it', () => {
    const stages = stagesOf((x, w) => tf.add(tf.exp(x), tf.matMul(tf.exp(x) as Tensor2D, w)));
    const made = new Set<number>();
    for (const { whole, cluster } of stages) {
      for (const { inputs: read, outputs } of [...whole, { inputs: cluster.inputs, outputs: cluster.outputs }]) {
        for (const { id } of Object.values(read)) expect(made.has(id) || id < 2).toBe(true);
        for (const { id } of outputs) made.add(id);
      }
    }
  });

  it('computes again what costs less than to hand over', () => {
    // The sigmoid's argument is kept for the product anyway: only it is read by the second cluster.
    const again = stagesOf((x, w) => {
      const sum = tf.matMul(x, w);
      return tf.mul(tf.matMul(tf.relu(sum) as Tensor2D, w), tf.sub(1, tf.sigmoid(sum)));
    });
    expect(again[0]!.cluster.nodes.map(({ kernel }) => kernel)).toEqual(['Relu']);
    expect(again[1]!.cluster.nodes.map(({ kernel }) => kernel)).toContain('Sigmoid');
  });

  it('hands over sums, and what would have to read more', () => {
    const sums = stagesOf((x, w) => tf.add(tf.matMul(tf.exp(x) as Tensor2D, w), tf.sum(tf.exp(x), 1, true)));
    expect(sums.flatMap(({ cluster }) => cluster.nodes).filter(({ kernel }) => kernel === 'Sum')).toHaveLength(1);
    const many = stagesOf((x, w) => {
      const [a, b] = [tf.matMul(x, w), tf.matMul(w, x)];
      const both = tf.exp(tf.add(a, b));
      return tf.mul(tf.matMul(both as Tensor2D, w), both);
    });
    expect(many.flatMap(({ cluster }) => cluster.nodes).filter(({ kernel }) => kernel === 'Exp')).toHaveLength(1);
  });

  it('lets a change of shape be on both sides, and never a result of a cluster', () => {
    const stages = stagesOf((x, w) => {
      const flat = tf.reshape(tf.exp(x), [4, 16]);
      return [tf.matMul(flat, tf.reshape(w, [16, 4])), tf.relu(flat)];
    });
    expect(kernels(stages)).toEqual(['Reshape | Exp,Reshape,Relu', 'Reshape,BatchMatMul | ']);
  });
});

/** Two clusters, a product between them, that differ in a constant. */
function functionsOf(first: number, second: number): number {
  const part = (x: tf.Tensor, limit: number) => tf.exp(tf.minimum(tf.abs(x), limit)) as Tensor2D;
  const inputs = [{ shape: [4, 4], dtype: 'float32' }] as const;
  const graph = trace((x) => [part(tf.matMul(part(x!, first), x as Tensor2D), second)], { name: 'parts', inputs });
  return lowerInParts(graph).functions!.length;
}

it('shares the functions of parts that do the same, down to the last constant', () => {
  expect(functionsOf(3, 3)).toBe(1);
  expect(functionsOf(3, 4)).toBe(2);
  expect(functionsOf(Infinity, -Infinity)).toBe(2);
});
