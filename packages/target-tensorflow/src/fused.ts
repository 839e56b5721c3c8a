import {
  BORDER,
  fusedOps,
  MULTIPLIER_0,
  MULTIPLIER_1,
  shapesOf,
  squaresOf,
  type Fused,
  type GraphNode,
} from '@tessera/engine/target';
import type { TfAttrs, TfBuilder, TfLowering } from './builder.ts';
import { reshape } from './lower-shape.ts';

/**
 * The hash in int32: sums and products wrap as those of uint32 do, and a shift is made logical by clearing the bits
 * that the sign has filled.
 */
const hashUniform: TfLowering = ({ inputs, attrs }, tf) => {
  const { stream, shape } = attrs as { stream: readonly [number, number]; shape: readonly number[] };
  const op = (name: string, a: string, b: string): string => tf.op(name, [a, b]);
  const int = (value: number): string => tf.scalar(value | 0, 'int32');
  const shifted = (x: string, by: number): string =>
    op('BitwiseAnd', op('RightShift', x, int(by)), int(0xffffffff >>> by));
  const fold = (x: string, by: number): string => op('BitwiseXor', x, shifted(x, by));
  const word = (i: number): string =>
    tf.op('Slice', [tf.name(inputs.key!), tf.ints([i]), tf.ints([1])], { Index: { type: 'int32' } });

  const start = op('AddV2', word(0), int(stream[0]));
  const between = op('BitwiseXor', word(1), int(stream[1]));
  const first = op('Mul', fold(op('AddV2', positions(shape, tf), start), 16), int(MULTIPLIER_0));
  const second = op('Mul', fold(op('BitwiseXor', first, between), 15), int(MULTIPLIER_1));
  const types = { SrcT: { type: 'int32' }, DstT: { type: 'float32' } } as const;
  const bits = tf.op('Cast', [shifted(second, 8)], types, { dtype: 'float32', untyped: true });
  return tf.op('Reshape', [op('Mul', bits, tf.scalar(2 ** -24, 'float32')), tf.ints(shape)]);
};

/** 0, 1, 2 ..., one per element. */
function positions(shape: readonly number[], tf: TfBuilder): string {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const limit = tf.op('Reshape', [tf.ints([size]), tf.ints([])]);
  const attrs = { Tidx: { type: 'int32' } } as const;
  return tf.op('Range', [tf.scalar(0, 'int32'), limit, tf.scalar(1, 'int32')], attrs, { untyped: true });
}

/** TensorFlow's kernels transpose and slice in half the time of XLA, which does both again for each reader. */
const interleave: TfLowering = ({ inputs }, tf) => {
  const { columns, whole, inner } = shapesOf(inputs.x!);
  const apart = reshape(tf, tf.name(inputs.x!), columns);
  const image = reshape(tf, tf.op('Transpose', [apart, tf.ints([0, 2, 1, 3])]), whole);
  return tf.op('Slice', [image, tf.ints([0, 1, 1, 0]), tf.ints(inner)], { Index: { type: 'int32' } });
};

const squares: TfLowering = ({ inputs }, tf) => {
  const sizes = squaresOf(inputs.x!);
  const border = reshape(tf, tf.ints(BORDER.flat()), [4, 2]);
  const padded = tf.op('PadV2', [tf.name(inputs.x!), border, tf.scalar(0, 'float32')]);
  const turned = tf.op('Transpose', [reshape(tf, padded, sizes.rows), tf.ints([0, 2, 1, 3])]);
  return reshape(tf, turned, sizes.squares);
};

function attrsOf({ attrs }: GraphNode, silu: boolean): TfAttrs {
  return { groups: { int: attrs['groups'] as number }, eps: { float: attrs['eps'] as number }, silu: { bool: silu } };
}

const forward =
  (silu: boolean): TfLowering =>
  (node, tf) => {
    const { x, weight, bias } = node.inputs;
    const inputs = [x!, weight!, bias!].map((value) => tf.name(value));
    return tf.op('TesseraGroupNorm', inputs, attrsOf(node, silu), { untyped: true });
  };

/** All three gradients are one op: the builder writes it once. */
function gradients(node: GraphNode, silu: boolean, tf: TfBuilder): readonly string[] {
  const { x, weight, bias, dy } = node.inputs;
  return tf.ops({
    op: 'TesseraGroupNormGradients',
    inputs: [x!, weight!, bias!, dy!].map((value) => tf.name(value)),
    attrs: attrsOf(node, silu),
    dtypes: ['float32', 'float32', 'float32'],
  });
}

const gradient =
  (index: number, silu: boolean): TfLowering =>
  (node, tf) =>
    gradients(node, silu, tf)[index]!;

/** Run by our own ops, of `packages/tensorflow-setup/ops`: they are for the CPU, and XLA does not know them. */
export const OWN_OPS: ReadonlyMap<Fused, TfLowering> = new Map<Fused, TfLowering>([
  [fusedOps.groupNorm, forward(false)],
  [fusedOps.groupNormGradient, gradient(0, false)],
  [fusedOps.groupNormWeightGradient, gradient(1, false)],
  [fusedOps.groupNormBiasGradient, gradient(2, false)],
  [fusedOps.groupNormSilu, forward(true)],
  [fusedOps.groupNormSiluGradient, gradient(0, true)],
  [fusedOps.groupNormSiluWeightGradient, gradient(1, true)],
  [fusedOps.groupNormSiluBiasGradient, gradient(2, true)],
]);

/** Fused ops with nodes of their own; of all others XLA and Grappler fuse the parts. */
export const FUSED: ReadonlyMap<Fused, TfLowering> = new Map<Fused, TfLowering>([
  [fusedOps.hashUniform, hashUniform],
  [fusedOps.interleave, interleave],
  [fusedOps.squares, squares],
]);
