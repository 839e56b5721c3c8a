import { TesseraError } from '@tessera/errors';
import type { GraphNode } from '@tessera/engine/target';
import type { Window } from '@tessera/engine/target';
import { cast } from './lower-elementwise.ts';
import { toChannelsFirst, toChannelsLast } from './lower-conv.ts';
import { reshape, transpose } from './lower-shape.ts';
import type { OnnxLowering } from './builder.ts';

const pool =
  (op: string): OnnxLowering =>
  (node, onnx) => {
    const { kernel, strides, pads } = node.attrs.window as Window;
    const image = toChannelsFirst(onnx, onnx.name(node.inputs.x!));
    return toChannelsLast(onnx, onnx.op(op, [image], { kernel_shape: kernel, strides, pads }));
  };

function unsupported(node: GraphNode, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'lowering-missing', who: `onnx: ${node.kernel}`, got, expected });
}

/** Windows side by side: [N, Ho, kh, Wo, kw, C]. */
function tiles(node: GraphNode) {
  const { kernel, strides, pads } = node.attrs.window as Window;
  const [batch, height, width, channels] = node.outputs[0]!.shape as [number, number, number, number];
  const isTiling =
    kernel.every((size, i) => size === strides[i]) &&
    pads.every((pad) => pad === 0) &&
    height % kernel[0] === 0 &&
    width % kernel[1] === 0;
  if (!isTiling) throw unsupported(node, `a window of [${kernel}] with strides [${strides}]`, 'windows side by side');
  const [rows, columns] = [height / kernel[0], width / kernel[1]];
  return { batch, rows, columns, channels, kernel, shape: [batch, rows, kernel[0], columns, kernel[1], channels] };
}

/** Each position of a window gets an equal share. */
const avgPoolGrad: OnnxLowering = (node, onnx) => {
  const { batch, rows, columns, channels, kernel, shape } = tiles(node);
  const share = onnx.op('Mul', [onnx.name(node.inputs.dy!), onnx.scalar(1 / (kernel[0] * kernel[1]), 'float32')]);
  const spread = onnx.op('Expand', [reshape(onnx, share, [batch, rows, 1, columns, 1, channels]), onnx.ints(shape)]);
  return reshape(onnx, spread, node.outputs[0]!.shape);
};

/** The first maximum of a window gets it all. */
const maxPoolGrad: OnnxLowering = (node, onnx) => {
  const { batch, rows, columns, channels, kernel, shape } = tiles(node);
  const count = kernel[0] * kernel[1];
  const windows = transpose(onnx, reshape(onnx, onnx.name(node.inputs.input!), shape), [0, 1, 3, 5, 2, 4]);
  const flat = reshape(onnx, windows, [batch, rows, columns, channels, count]);
  const best = onnx.op('ArgMax', [flat], { axis: -1, keepdims: 0 });
  const values = onnx.constant(Float32Array.of(0, 1), 'float32', [2]);
  const chosen = onnx.op('OneHot', [best, onnx.scalar(count, 'int64'), values], { axis: -1 });
  const dy = onnx.op('Unsqueeze', [onnx.name(node.inputs.dy!), onnx.ints([4])]);
  const spread = reshape(onnx, onnx.op('Mul', [chosen, dy]), [batch, rows, columns, channels, ...kernel]);
  return reshape(onnx, transpose(onnx, spread, [0, 1, 4, 2, 5, 3]), node.outputs[0]!.shape);
};

const resize =
  (mode: 'nearest' | 'linear'): OnnxLowering =>
  (node, onnx) => {
    const { size, alignCorners, halfPixelCenters } = node.attrs as unknown as {
      readonly size: readonly [number, number];
      readonly alignCorners: boolean;
      readonly halfPixelCenters: boolean;
    };
    const images = node.inputs.images!;
    const [batch, , , channels] = images.shape as [number, number, number, number];
    const name = images.dtype === 'float32' ? onnx.name(images) : cast(onnx, onnx.name(images), 'float32');
    const where = alignCorners ? 'align_corners' : halfPixelCenters ? 'half_pixel' : 'asymmetric';
    const attrs = {
      mode,
      coordinate_transformation_mode: where,
      ...(mode === 'nearest' ? { nearest_mode: alignCorners ? 'round_prefer_ceil' : 'floor' } : {}),
    };
    const inputs = [toChannelsFirst(onnx, name), '', '', onnx.ints([batch, channels, ...size])];
    return toChannelsLast(onnx, onnx.op('Resize', inputs, attrs));
  };

/** Sums of the copies. tfjs-cpu gets this wrong for batches; enlargements by whole factors only. */
const resizeNearestGrad: OnnxLowering = (node, onnx) => {
  const [batch, height, width, channels] = node.outputs[0]!.shape as [number, number, number, number];
  const [, tall, wide] = node.inputs.dy!.shape as [number, number, number, number];
  if (tall % height !== 0 || wide % width !== 0) {
    throw unsupported(node, `[${height}, ${width}] resized to [${tall}, ${wide}]`, 'whole factors');
  }
  const shape = [batch, height, tall / height, width, wide / width, channels];
  const copies = reshape(onnx, onnx.name(node.inputs.dy!), shape);
  return onnx.op('ReduceSum', [copies, onnx.ints([2, 4])], { keepdims: 0 });
};

export const POOL: Readonly<Record<string, OnnxLowering>> = {
  AvgPool: pool('AveragePool'),
  MaxPool: pool('MaxPool'),
  AvgPoolGrad: avgPoolGrad,
  MaxPoolGrad: maxPoolGrad,
  ResizeNearestNeighbor: resize('nearest'),
  ResizeBilinear: resize('linear'),
  ResizeNearestNeighborGrad: resizeNearestGrad,
};
