import type { DType, GraphNode } from '../trace/graph.ts';
import { cast } from './lower-elementwise.ts';
import type { TfBuilder, TfLowering } from './lowering.ts';

/** The argument, with booleans as numbers: TensorFlow has no sums, products or extremes of booleans. */
function numeric(node: GraphNode, tf: TfBuilder): readonly [string, DType] {
  const x = node.inputs.x!;
  if (x.dtype !== 'bool') return [tf.name(x), x.dtype];
  return [cast(tf, tf.name(x), ['bool', 'int32']), 'int32'];
}

function reduceWith(op: string, name: string, { node, tf }: { node: GraphNode; tf: TfBuilder }): string {
  const { axes, keepDims } = node.attrs as { axes: readonly number[]; keepDims: boolean };
  const isLogical = op === 'All' || op === 'Any';
  return tf.op(op, [name, tf.ints(axes)], { keep_dims: { bool: keepDims } }, { untyped: isLogical });
}

const reduce =
  (op: string): TfLowering =>
  (node, tf) => {
    const [name, dtype] = numeric(node, tf);
    return cast(tf, reduceWith(op, name, { node, tf }), [dtype, node.outputs[0]!.dtype]);
  };

const logical =
  (op: string): TfLowering =>
  (node, tf) => {
    const x = node.inputs.x!;
    return reduceWith(op, cast(tf, tf.name(x), [x.dtype, 'bool']), { node, tf });
  };

const mean: TfLowering = (node, tf) => {
  const x = node.inputs.x!;
  return reduceWith('Mean', cast(tf, tf.name(x), [x.dtype, 'float32']), { node, tf });
};

const arg =
  (op: string): TfLowering =>
  (node, tf) => {
    const axis = tf.scalar(node.attrs.axis as number, 'int32');
    return tf.op(op, [numeric(node, tf)[0], axis], { output_type: { type: 'int32' } }, { dtype: 'int32' });
  };

const cumsum: TfLowering = (node, tf) => {
  const { axis, exclusive, reverse } = node.attrs as { axis: number; exclusive: boolean; reverse: boolean };
  const attrs = { exclusive: { bool: exclusive }, reverse: { bool: reverse } };
  return tf.op('Cumsum', [tf.name(node.inputs.x!), tf.scalar(axis, 'int32')], attrs);
};

/** TensorFlow's softmax runs over the last axis. */
const softmax =
  (op: string): TfLowering =>
  (node, tf) => {
    const { logits } = node.inputs;
    const rank = logits!.shape.length;
    const axis = node.attrs.axis as number;
    if (axis === rank - 1) return tf.op(op, [tf.name(logits!)]);
    const swap = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
    const turned = (name: string): string => tf.op('Transpose', [name, tf.ints(swap)]);
    return turned(tf.op(op, [turned(tf.name(logits!))]));
  };

const topK: TfLowering = (node, tf) => {
  const x = node.inputs.x!;
  const inputs = [tf.name(x), tf.scalar(node.attrs.k as number, 'int32')];
  const attrs = { T: { type: x.dtype }, sorted: { bool: true } };
  return tf.ops({ op: 'TopKV2', inputs, attrs, dtypes: [x.dtype, 'int32'] });
};

export const REDUCE: Readonly<Record<string, TfLowering>> = {
  Sum: reduce('Sum'),
  Prod: reduce('Prod'),
  Max: reduce('Max'),
  Min: reduce('Min'),
  All: logical('All'),
  Any: logical('Any'),
  Mean: mean,
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Cumsum: cumsum,
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  TopK: topK,
};
