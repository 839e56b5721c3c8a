import type { Window } from '../trace/infer-linear.ts';
import { reshape, transpose } from './lower-shape.ts';
import type { Lowering, OnnxBuilder } from './lowering.ts';

/** tfjs images are NHWC and filters HWIO; ONNX wants NCHW and OIHW. Opposite transpositions cancel in the builder. */
export const toChannelsFirst = (onnx: OnnxBuilder, name: string) => transpose(onnx, name, [0, 3, 1, 2]);
export const toChannelsLast = (onnx: OnnxBuilder, name: string) => transpose(onnx, name, [0, 2, 3, 1]);
const filterToOIHW = (onnx: OnnxBuilder, name: string) => transpose(onnx, name, [3, 2, 0, 1]);

const attrsOf = ({ kernel, strides, dilations, pads }: Window) => ({ kernel_shape: kernel, strides, dilations, pads });

const conv: Lowering = (node, onnx) => {
  const image = toChannelsFirst(onnx, onnx.name(node.inputs.x!));
  const filter = filterToOIHW(onnx, onnx.name(node.inputs.filter!));
  return toChannelsLast(onnx, onnx.op('Conv', [image, filter], attrsOf(node.attrs.window as Window)));
};

/** The convolution's transpose. At stride 1 a Conv with the filter turned and its channels swapped is much faster. */
const convBackpropInput: Lowering = (node, onnx) => {
  const window = node.attrs.window as Window;
  const { kernel, strides, dilations, pads } = window;
  const dy = toChannelsFirst(onnx, onnx.name(node.inputs.dy!));
  const name = onnx.name(node.inputs.filter!);
  if (strides[0] === 1 && strides[1] === 1) {
    const swapped = transpose(onnx, name, [2, 3, 0, 1]);
    const turn = [
      [-1, -1],
      [TO_START, TO_START],
      [2, 3],
      [-1, -1],
    ].map((values) => onnx.ints(values));
    const reach = kernel.map((size, i) => (size - 1) * dilations[i]!);
    const around = pads.map((pad, i) => reach[i % 2]! - pad);
    const attrs = { ...attrsOf(window), pads: around };
    return toChannelsLast(onnx, onnx.op('Conv', [dy, onnx.op('Slice', [swapped, ...turn])], attrs));
  }
  const input = node.outputs[0]!.shape.slice(1, 3);
  const output = node.inputs.dy!.shape.slice(1, 3);
  const rest = input.map((size, i) => {
    const covered = (output[i]! - 1) * strides[i]! + (kernel[i]! - 1) * dilations[i]! + 1;
    return size - (covered - pads[i]! - pads[i + 2]!);
  });
  const attrs = { ...attrsOf(window), output_padding: rest };
  return toChannelsLast(onnx, onnx.op('ConvTranspose', [dy, filterToOIHW(onnx, name)], attrs));
};

const TO_START = Number.MIN_SAFE_INTEGER;

/**
 * One product: the padded image's shifted views, channels first and stacked to [kh kw C, N Ho Wo], times
 * dy as [N Ho Wo, O]. Over twice as fast as ONNX Runtime's Conv with the batch as channels.
 */
const convBackpropFilter: Lowering = (node, onnx) => {
  const { kernel, strides, dilations, pads } = node.attrs.window as Window;
  const { x, dy } = node.inputs;
  const [batch, , , channels] = x!.shape as [number, number, number, number];
  const [, height, width, outputs] = dy!.shape as [number, number, number, number];
  const positions = batch * height * width;
  const channelMajor = transpose(onnx, onnx.name(x!), [3, 0, 1, 2]);
  const [top, left, bottom, right] = pads;
  const border = [0, 0, top, left, 0, 0, bottom, right];
  const padded = pads.some((pad) => pad > 0) ? onnx.op('Pad', [channelMajor, onnx.ints(border)]) : channelMajor;
  const view = (row: number, column: number) => {
    const start = [row * dilations[0], column * dilations[1]];
    const end = [start[0]! + (height - 1) * strides[0] + 1, start[1]! + (width - 1) * strides[1] + 1];
    const vectors = [start, end, [2, 3], strides].map((values) => onnx.ints(values));
    return reshape(onnx, onnx.op('Slice', [padded, ...vectors]), [channels, positions]);
  };
  const [rows, columns] = kernel;
  const views = Array.from({ length: rows * columns }, (_, i) => view(Math.floor(i / columns), i % columns));
  const stacked = views.length === 1 ? views[0]! : onnx.op('Concat', views, { axis: 0 });
  const product = onnx.op('MatMul', [stacked, reshape(onnx, onnx.name(dy!), [positions, outputs])]);
  return reshape(onnx, product, [rows, columns, channels, outputs]);
};

export const CONV: Readonly<Record<string, Lowering>> = {
  Conv2D: conv,
  Conv2DBackpropInput: convBackpropInput,
  Conv2DBackpropFilter: convBackpropFilter,
};
