import type { GraphNode } from '../trace/graph.ts';
import type { TfAttrs, TfBuilder, TfLowering } from './lowering.ts';

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

export const GROUP_NORM: Readonly<Record<string, TfLowering>> = {
  TesseraGroupNorm: forward(false),
  TesseraGroupNormGradient: gradient(0, false),
  TesseraGroupNormWeightGradient: gradient(1, false),
  TesseraGroupNormBiasGradient: gradient(2, false),
  TesseraGroupNormSilu: forward(true),
  TesseraGroupNormSiluGradient: gradient(0, true),
  TesseraGroupNormSiluWeightGradient: gradient(1, true),
  TesseraGroupNormSiluBiasGradient: gradient(2, true),
};
