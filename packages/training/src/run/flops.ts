import type { Tensor } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { trace, type GraphNode, type TraceRng, type Value } from '@tessera/engine';
import type { Batch, Stage } from '../trainer/stage.ts';

export interface LossCost {
  /** Floating-point operations of one forward pass: products and sums of convolutions, matrices and attention. */
  readonly flops: number;
  /** Bytes of everything that the forward pass makes, most of which the backward pass needs. */
  readonly activationBytes: number;
}

/** What one evaluation of a loss costs, from its graph alone: nothing is computed. */
export function lossCost({ name, spec }: Pick<Stage, 'name' | 'spec'>, batch: Batch): LossCost {
  const names = Object.keys(batch);
  const inputs = names.map((key) => ({ shape: batch[key]!.shape, dtype: batch[key]!.dtype as Value['dtype'] }));
  const graph = trace(
    (...given: Tensor[]) => [spec.loss(Object.fromEntries(names.map((key, i) => [key, given[i]!])), zeros).loss],
    { name, inputs, parameters: spec.params.map(({ variable }) => variable) },
  );
  const made = graph.nodes.flatMap(({ outputs }) => outputs);
  return {
    flops: graph.nodes.reduce((sum, node) => sum + flopsOf(node), 0),
    activationBytes: made.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0),
  };
}

/** Numbers that cost nothing: a count does not depend on them. */
const zeros: TraceRng = {
  uniform: (_, shape) => tf.zeros([...shape]),
  normal: (_, shape) => tf.zeros([...shape]),
};

function flopsOf({ kernel, inputs, outputs }: GraphNode): number {
  const [out] = outputs;
  switch (kernel) {
    case 'Conv2D': {
      const [height, width, channels] = inputs['filter']!.shape;
      return 2 * sizeOf(out!.shape) * height! * width! * channels!;
    }
    case 'BatchMatMul': {
      // Either operand may be transposed: the inner size is what both share besides the result's sides.
      const inner = sizeOf(inputs['a']!.shape.slice(-2)) / out!.shape.at(-2)!;
      return 2 * sizeOf(out!.shape) * inner;
    }
    case 'TesseraLinear':
      return 2 * sizeOf(out!.shape) * inputs['x']!.shape.at(-1)!;
    case 'TesseraAttention': {
      const [images, heads, queries, size] = inputs['q']!.shape;
      return 4 * images! * heads! * queries! * size! * inputs['k']!.shape[2]!;
    }
    default:
      return 0;
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
