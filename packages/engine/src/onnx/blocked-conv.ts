import type { Window } from '../trace/infer-linear.ts';
import type { OnnxBuilder } from './lowering.ts';

/*
 * Convolutions in ONNX Runtime's own layout: channels in blocks of one vector register, NCHWc. It is about twice as
 * fast as Conv, takes NHWC images without transposing them, but ONNX Runtime by itself uses it only where filters are
 * constants. In training they are not, so the nodes are written here.
 */

const DOMAIN = 'com.microsoft.nchwc';

export interface BlockedConv {
  /** [N, H, W, C]. */
  readonly image: string;
  /** [O, C, kernel height, kernel width]. */
  readonly filter: string;
  readonly window: Window;
  readonly channels: number;
  readonly outputs: number;
}

/** [N, H', W', O], or null where the layout does not fit: more channels than a block but not a multiple of 4. */
export function blockedConv(onnx: OnnxBuilder, conv: BlockedConv): string | null {
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

export interface FilterGradient {
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
 * The filter's gradient [height, width, C, O]: a convolution in which images and channels have changed places and dy is
 * the filter. Null where a batch would mostly be padding, or where a kernel of one pixel makes it a product.
 */
export function blockedFilterGradient(onnx: OnnxBuilder, gradient: FilterGradient): string | null {
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
