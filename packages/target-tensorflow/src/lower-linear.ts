import { TesseraError } from '@tessera/errors';
import type { GraphNode, Value } from '@tessera/engine/target';
import type { Window } from '@tessera/engine/target';
import { cast } from './lower-elementwise.ts';
import { reshape } from './lower-shape.ts';
import type { TfAttrs, TfBuilder, TfLowering } from './builder.ts';

type Four = readonly [number, number, number, number];

const matMul: TfLowering = (node, tf) => {
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const attrs = { adj_x: { bool: transposeA }, adj_y: { bool: transposeB } };
  return tf.op('BatchMatMulV2', [tf.name(node.inputs.a!), tf.name(node.inputs.b!)], attrs);
};

/**
 * Padding by TensorFlow's names (SAME, VALID); null where it has none. oneDNN computes the gradients of named paddings
 * only, several times as fast as TensorFlow computes the others.
 */
function namedPadding({ kernel, strides, dilations, pads }: Window, shape: Four): TfAttrs | null {
  if (pads.every((pad) => pad === 0)) return { padding: { text: 'VALID' } };
  const isSame = [0, 1].every((i) => {
    const [length, reach, stride] = [shape[i + 1]!, (kernel[i]! - 1) * dilations[i]! + 1, strides[i]!];
    const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
    return pads[i] === Math.floor(total / 2) && pads[i + 2] === total - Math.floor(total / 2);
  });
  return isSame ? { padding: { text: 'SAME' } } : null;
}

function explicitPadding({ pads: [top, left, bottom, right] }: Window): TfAttrs {
  return { padding: { text: 'EXPLICIT' }, explicit_paddings: { ints: [0, 0, top, bottom, left, right, 0, 0] } };
}

/** `x` is the convolved image, [B, H, W, C]. */
function convAttrs(node: GraphNode, x: Value): TfAttrs {
  const window = node.attrs.window as Window;
  return {
    ...(namedPadding(window, x.shape as unknown as Four) ?? explicitPadding(window)),
    strides: { ints: [1, ...window.strides, 1] },
    dilations: { ints: [1, ...window.dilations, 1] },
  };
}

/** Whether each pixel is multiplied by itself: a matrix product, which runs faster and takes images as rows of pixels. */
function isPointwise({ attrs }: GraphNode): boolean {
  const { kernel, strides, pads } = attrs.window as Window;
  return [...kernel, ...strides].every((size) => size === 1) && pads.every((pad) => pad === 0);
}

/** [.., C] as a matrix [.., C]. */
function rowsOf(value: Value, tf: TfBuilder): string {
  return reshape(tf, tf.name(value), [-1, value.shape.at(-1)!]);
}

function productOf(node: GraphNode, tf: TfBuilder, { a, b, ...adjoint }: Product): string {
  const attrs = { adj_x: { bool: adjoint.isATurned ?? false }, adj_y: { bool: adjoint.isBTurned ?? false } };
  return reshape(tf, tf.op('BatchMatMulV2', [rowsOf(a, tf), rowsOf(b, tf)], attrs), node.outputs[0]!.shape);
}

interface Product {
  readonly a: Value;
  readonly b: Value;
  readonly isATurned?: boolean;
  readonly isBTurned?: boolean;
}

const conv: TfLowering = (node, tf) => {
  const { x, filter } = node.inputs as { x: Value; filter: Value };
  if (isPointwise(node)) return productOf(node, tf, { a: x, b: filter });
  return tf.op('Conv2D', [tf.name(x), tf.name(filter)], convAttrs(node, x));
};

const depthwiseConv: TfLowering = (node, tf) => {
  const { x, filter } = node.inputs as { x: Value; filter: Value };
  return tf.op('DepthwiseConv2dNative', [tf.name(x), tf.name(filter)], convAttrs(node, x));
};

const convBackpropInput: TfLowering = (node, tf) => {
  const { dy, filter } = node.inputs;
  if (isPointwise(node)) return productOf(node, tf, { a: dy!, b: filter!, isBTurned: true });
  const inputs = [tf.ints(node.outputs[0]!.shape), tf.name(filter!), tf.name(dy!)];
  const attrs = { T: { type: 'float32' }, ...convAttrs(node, node.outputs[0]!) } as const;
  return tf.op('Conv2DBackpropInput', inputs, attrs, { dtype: 'float32' });
};

const convBackpropFilter: TfLowering = (node, tf) => {
  const { x, dy } = node.inputs;
  if (isPointwise(node)) return productOf(node, tf, { a: x!, b: dy!, isATurned: true });
  const inputs = [tf.name(x!), tf.ints(node.outputs[0]!.shape), tf.name(dy!)];
  return tf.op('Conv2DBackpropFilter', inputs, convAttrs(node, x!));
};

/** Pools accept SAME and VALID only. */
function poolAttrs(node: GraphNode, shape: Four): TfAttrs {
  const window = node.attrs.window as Window;
  const { kernel, strides, pads } = window;
  const padding = namedPadding(window, shape);
  if (padding) return { ksize: { ints: [1, ...kernel, 1] }, strides: { ints: [1, ...strides, 1] }, ...padding };
  throw unsupported(node, `borders of [${pads}]`, "the padding 'valid' or 'same'");
}

const pool =
  (op: string): TfLowering =>
  (node, tf) =>
    tf.op(op, [tf.name(node.inputs.x!)], poolAttrs(node, node.inputs.x!.shape as unknown as Four));

const avgPoolGrad: TfLowering = (node, tf) => {
  const { input, dy } = node.inputs;
  const shape = input!.shape as unknown as Four;
  const attrs = { T: { type: 'float32' }, ...poolAttrs(node, shape) } as const;
  return tf.op('AvgPoolGrad', [tf.ints(shape), tf.name(dy!)], attrs, { dtype: 'float32' });
};

const maxPoolGrad: TfLowering = (node, tf) => {
  const { input, dy } = node.inputs;
  const attrs = poolAttrs(node, input!.shape as unknown as Four);
  const made = tf.op('MaxPool', [tf.name(input!)], attrs);
  return tf.op('MaxPoolGrad', [tf.name(input!), made, tf.name(dy!)], attrs);
};

const resize =
  (op: string): TfLowering =>
  (node, tf) => {
    const { size, alignCorners, halfPixelCenters } = node.attrs as {
      readonly size: readonly [number, number];
      readonly alignCorners: boolean;
      readonly halfPixelCenters: boolean;
    };
    const images = node.inputs.images!;
    const name = cast(tf, tf.name(images), [images.dtype, 'float32']);
    const attrs = { align_corners: { bool: alignCorners }, half_pixel_centers: { bool: halfPixelCenters } };
    return tf.op(op, [name, tf.ints(size)], attrs);
  };

/** Sums of the copies; enlargements by whole factors only, as everywhere in the engine. */
const resizeNearestGrad: TfLowering = (node, tf) => {
  const [batch, height, width, channels] = node.outputs[0]!.shape as Four;
  const [, tall, wide] = node.inputs.dy!.shape as Four;
  if (tall % height !== 0 || wide % width !== 0) {
    throw unsupported(node, `[${height}, ${width}] resized to [${tall}, ${wide}]`, 'whole factors');
  }
  const shape = [batch, height, tall / height, width, wide / width, channels];
  return sums(tf, tf.op('Reshape', [tf.name(node.inputs.dy!), tf.ints(shape)]), [2, 4]);
};

function sums(tf: TfBuilder, name: string, axes: readonly number[]): string {
  return tf.op('Sum', [name, tf.ints(axes)], { keep_dims: { bool: false } });
}

function unsupported(node: GraphNode, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'lowering-missing', who: `tensorflow: ${node.kernel}`, got, expected });
}

export const LINEAR: Readonly<Record<string, TfLowering>> = {
  BatchMatMul: matMul,
  Conv2D: conv,
  DepthwiseConv2dNative: depthwiseConv,
  Conv2DBackpropInput: convBackpropInput,
  Conv2DBackpropFilter: convBackpropFilter,
  AvgPool: pool('AvgPool'),
  MaxPool: pool('MaxPool'),
  AvgPoolGrad: avgPoolGrad,
  MaxPoolGrad: maxPoolGrad,
  ResizeNearestNeighbor: resize('ResizeNearestNeighbor'),
  ResizeBilinear: resize('ResizeBilinear'),
  ResizeNearestNeighborGrad: resizeNearestGrad,
};
