import type { Window } from '@tessera/engine/target';
import { reshape, transpose } from './lower-shape.ts';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';

/** tfjs images are NHWC and filters HWIO; ONNX wants NCHW and OIHW. Opposite transpositions cancel in the builder. */
export const toChannelsFirst = (onnx: OnnxBuilder, name: string) => transpose(onnx, name, [0, 3, 1, 2]);
export const toChannelsLast = (onnx: OnnxBuilder, name: string) => transpose(onnx, name, [0, 2, 3, 1]);
const filterToOIHW = (onnx: OnnxBuilder, name: string) => transpose(onnx, name, [3, 2, 0, 1]);

type FourSizes = readonly [number, number, number, number];

const attrsOf = ({ kernel, strides, dilations, pads }: Window) => ({ kernel_shape: kernel, strides, dilations, pads });

const conv: OnnxLowering = (node, onnx) => {
  const window = node.attrs.window as Window;
  const image = onnx.name(node.inputs.x!);
  const filter = filterToOIHW(onnx, onnx.name(node.inputs.filter!));
  const [, , channels, outputs] = node.inputs.filter!.shape as FourSizes;
  const blocked = blockedConv(onnx, { image, filter, window, channels, outputs });
  return blocked ?? toChannelsLast(onnx, onnx.op('Conv', [toChannelsFirst(onnx, image), filter], attrsOf(window)));
};

/** The filter is [height, width, C, times]; ONNX wants [C times, 1, height, width]. */
const depthwiseConv: OnnxLowering = (node, onnx) => {
  const window = node.attrs.window as Window;
  const [height, width, channels, times] = node.inputs.filter!.shape as FourSizes;
  const turned = transpose(onnx, onnx.name(node.inputs.filter!), [2, 3, 0, 1]);
  const filter = reshape(onnx, turned, [channels * times, 1, height, width]);
  const image = toChannelsFirst(onnx, onnx.name(node.inputs.x!));
  return toChannelsLast(onnx, onnx.op('Conv', [image, filter], { ...attrsOf(window), group: channels }));
};

/** The convolution's transpose. At stride 1 a Conv with the filter turned and its channels swapped is much faster. */
const convBackpropInput: OnnxLowering = (node, onnx) => {
  const window = node.attrs.window as Window;
  const { kernel, strides, dilations, pads } = window;
  const image = onnx.name(node.inputs.dy!);
  const dy = toChannelsFirst(onnx, image);
  const name = onnx.name(node.inputs.filter!);
  const reach = kernel.map((size, i) => (size - 1) * dilations[i]!);
  const around = pads.map((pad, i) => reach[i % 2]! - pad);
  if (strides[0] === 1 && strides[1] === 1 && around.every((pad) => pad >= 0)) {
    const swapped = transpose(onnx, name, [2, 3, 0, 1]);
    const turn = [
      [-1, -1],
      [TO_START, TO_START],
      [2, 3],
      [-1, -1],
    ].map((values) => onnx.ints(values));
    const turned = { ...window, pads: around as unknown as Window['pads'] };
    const filter = onnx.op('Slice', [swapped, ...turn]);
    const [, , outputs, channels] = node.inputs.filter!.shape as FourSizes;
    const blocked = blockedConv(onnx, { image, filter, window: turned, channels, outputs });
    return blocked ?? toChannelsLast(onnx, onnx.op('Conv', [dy, filter], attrsOf(turned)));
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
const convBackpropFilter: OnnxLowering = (node, onnx) => {
  const window = node.attrs.window as Window;
  const { kernel, strides, dilations, pads } = window;
  const { x, dy } = node.inputs;
  const shapes = { imageShape: x!.shape as FourSizes, dyShape: dy!.shape as FourSizes };
  const blocked = blockedFilterGradient(onnx, { image: onnx.name(x!), dy: onnx.name(dy!), window, ...shapes });
  if (blocked) return blocked;
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

export const CONV: Readonly<Record<string, OnnxLowering>> = {
  Conv2D: conv,
  DepthwiseConv2dNative: depthwiseConv,
  Conv2DBackpropInput: convBackpropInput,
  Conv2DBackpropFilter: convBackpropFilter,
};

/*
 * Convolutions in ONNX Runtime's own layout: channels in blocks of one vector register, NCHWc. It is about twice as
 * fast as Conv, takes NHWC images without transposing them, but ONNX Runtime uses it of its own accord only where filters
 * are constants. In training they are not, so the nodes are written here.
 */

const DOMAIN = 'com.microsoft.nchwc';

interface BlockedConv {
  /** [N, H, W, C]. */
  readonly image: string;
  /** [O, C, kernel height, kernel width]. */
  readonly filter: string;
  readonly window: Window;
  readonly channels: number;
  readonly outputs: number;
}

/** [N, H', W', O], or null where the layout does not fit: more channels than a block but not a multiple of 4. */
function blockedConv(onnx: OnnxBuilder, conv: BlockedConv): string | null {
  const block = onnx.convBlock;
  if (block === null) return null;
  const { image, filter, window, channels, outputs } = conv;
  if (channels >= block && channels % 4 !== 0) return null;
  const { kernel, strides, dilations, pads } = window;
  const attrs = { kernel_shape: kernel, strides, dilations, pads };
  const isPlain = channels < block;
  const input = isPlain ? onnx.op('Transpose', [image], { perm: [0, 3, 1, 2] }) : blocksOfImage(onnx, image);
  const inputs = isPlain ? channels : roundUp(channels, block);
  const sizes = { channels, outputs, kernel };
  const weights = isPlain ? outputBlocks(onnx, filter, sizes) : bothBlocks(onnx, filter, { ...sizes, inputs });
  return imageOfBlocks(onnx, onnx.op('Conv', [input, weights], attrs, DOMAIN), outputs);
}

interface FilterGradient {
  /** [N, H, W, C]. */
  readonly image: string;
  /** [N, H', W', O]. */
  readonly dy: string;
  readonly window: Window;
  /** Shapes of `image` and `dy`. */
  readonly imageShape: readonly [number, number, number, number];
  readonly dyShape: readonly [number, number, number, number];
}

/**
 * The filter's gradient [height, width, C, O]: a convolution with images and channels swapped and dy as the
 * filter. Null where a batch would mostly be padding, and for kernels of one pixel, whose gradient is a product.
 */
function blockedFilterGradient(onnx: OnnxBuilder, gradient: FilterGradient): string | null {
  const block = onnx.convBlock;
  const { image, dy, window, imageShape, dyShape } = gradient;
  const [batch, height, width] = imageShape;
  const [, rows, columns, outputs] = dyShape;
  const { kernel, strides, dilations, pads } = window;
  if (block === null || batch < block / 2 || (kernel[0] === 1 && kernel[1] === 1)) return null;
  const images = roundUp(batch, block);
  const reach = (size: number, axis: 0 | 1): number =>
    (size - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
  const [top, left] = pads;
  const [bottom, right] = [reach(rows, 0) - height - top, reach(columns, 1) - width - left];
  const border = [0, 0, top, left, 0, images - batch, bottom, right];
  const swapped = onnx.op('Transpose', [image], { perm: [3, 0, 1, 2] });
  const input = onnx.op('ReorderInput', [onnx.op('Pad', [swapped, onnx.ints(border)])], {}, DOMAIN);
  const filters = dyBlocks(onnx, dy, { shape: dyShape, images });
  const attrs = { kernel_shape: [rows, columns], strides: dilations, dilations: strides, pads: [0, 0, 0, 0] };
  const made = imageOfBlocks(onnx, onnx.op('Conv', [input, filters], attrs, DOMAIN), outputs);
  return onnx.op('Transpose', [made], { perm: [1, 2, 0, 3] });
}

function roundUp(size: number, block: number): number {
  return Math.ceil(size / block) * block;
}

function blocksOfImage(onnx: OnnxBuilder, image: string): string {
  return onnx.op('ReorderInput', [image], { channels_last: 1 }, DOMAIN);
}

function imageOfBlocks(onnx: OnnxBuilder, blocks: string, channels: number): string {
  return onnx.op('ReorderOutput', [blocks], { channels, channels_last: 1 }, DOMAIN);
}

interface FilterSizes {
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: readonly [number, number];
}

/** [O, C, h, w] with blocks of outputs innermost: for images of few channels, which stay NCHW. */
function outputBlocks(onnx: OnnxBuilder, filter: string, { channels, outputs, kernel }: FilterSizes): string {
  const block = onnx.convBlock!;
  const all = roundUp(outputs, block);
  const padded = padded4(onnx, filter, [all - outputs, 0, 0, 0]);
  const split = onnx.op('Reshape', [padded, onnx.ints([all / block, block, channels, ...kernel])]);
  const turned = onnx.op('Transpose', [split], { perm: [0, 2, 3, 4, 1] });
  return onnx.op('Reshape', [turned, onnx.ints([all, channels, ...kernel])]);
}

/** [O, C, h, w] with blocks of inputs and, innermost, outputs. */
function bothBlocks(onnx: OnnxBuilder, filter: string, sizes: FilterSizes & { readonly inputs: number }): string {
  const block = onnx.convBlock!;
  const { channels, outputs, inputs, kernel } = sizes;
  const all = roundUp(outputs, block);
  const padded = padded4(onnx, filter, [all - outputs, inputs - channels, 0, 0]);
  const split = onnx.op('Reshape', [padded, onnx.ints([all / block, block, inputs / block, block, ...kernel])]);
  const turned = onnx.op('Transpose', [split], { perm: [0, 2, 4, 5, 3, 1] });
  return onnx.op('Reshape', [turned, onnx.ints([all, inputs, ...kernel])]);
}

/** dy [N, h, w, O] as a filter of O outputs and N inputs: blocks of inputs and, innermost, outputs. */
function dyBlocks(
  onnx: OnnxBuilder,
  dy: string,
  { shape, images }: { readonly shape: FilterGradient['dyShape']; readonly images: number },
): string {
  const block = onnx.convBlock!;
  const [batch, rows, columns, outputs] = shape;
  const all = roundUp(outputs, block);
  const padded = padded4(onnx, dy, [images - batch, 0, 0, all - outputs]);
  const sizes = [images / block, block, rows, columns, all / block, block];
  const split = onnx.op('Reshape', [padded, onnx.ints(sizes)]);
  const turned = onnx.op('Transpose', [split], { perm: [4, 0, 2, 3, 1, 5] });
  return onnx.op('Reshape', [turned, onnx.ints([all, images, rows, columns])]);
}

/** Zeros after the end of each of four axes. */
function padded4(onnx: OnnxBuilder, name: string, after: readonly [number, number, number, number]): string {
  return after.every((size) => size === 0) ? name : onnx.op('Pad', [name, onnx.ints([0, 0, 0, 0, ...after])]);
}
