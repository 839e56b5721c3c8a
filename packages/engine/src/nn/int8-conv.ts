import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { defineOwnFused } from '../fused.ts';
import { storedTensor } from '../tensors/tensors.ts';
import { readNumbers } from '../trace/tfjs-internals.ts';
import { SUMS } from './enlarged.ts';
import { notTrainable, TINIEST } from './int8.ts';

/*
 * Convolutions in 8 bits. A filter has one scale per output; pixels have one scale and one zero per image, which each call
 * computes. An image's result therefore never depends on the other images of its batch.
 */

/**
 * Codes of filters are from -63 to 63: sums of two products with codes of pixels then stay below 2^15. Processors that add them up
 * in 16 bits (AVX2) compute them exactly and at full speed.
 */
const LARGEST = 63;
/** Codes of pixels are from 0 to 255: what comes out of SiLU is hardly ever negative. */
const PIXEL_CODES = 255;

interface Inputs {
  /** [B, H, W, C]. */
  readonly x: Tensor;
  /** [kernel height * kernel width * C, O], int32 here and bytes where it is stored. */
  readonly codes: Tensor;
  /** [O]. */
  readonly scale: Tensor;
  readonly bias: Tensor | undefined;
}

/** Where the filter is laid. */
export interface ConvAttrs {
  /** Height and width. */
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** Zeros around the image: top, bottom, left, right. */
  readonly pad: readonly [number, number, number, number];
}

/** `forward` is the reference. */
export const fusedConvInt8 = defineOwnFused<Inputs, ConvAttrs>({
  name: 'TesseraConvInt8',
  shape: ({ x, codes }, attrs) => [x.shape[0]!, ...sizeOf(x.shape, attrs), codes.shape[1]!],
  forward: ({ x, codes, scale, bias }, { kernel, stride, pad: [top, bottom, left, right] }) => {
    const low_B111 = tf.minimum(tf.min(x, [1, 2, 3], true), 0);
    const high_B111 = tf.maximum(tf.max(x, [1, 2, 3], true), 0);
    const step_B111 = tf.add(tf.mul(tf.sub(high_B111, low_B111), 1 / PIXEL_CODES), TINIEST);
    const zero_B111 = tf.round(tf.div(tf.neg(low_B111), step_B111));
    const codes_BHWC = tf.clipByValue(tf.add(tf.round(tf.div(x, step_B111)), zero_B111), 0, PIXEL_CODES);
    const filter_HWIO = tf.reshape(tf.cast(codes, 'float32'), [...kernel, x.shape[3]!, codes.shape[1]!]) as Tensor4D;
    const around: [number, number][] = [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ];
    const padding = around as tf.backend_util.ExplicitPadding;
    const sums_BHWO = tf.conv2d(tf.sub(codes_BHWC, zero_B111) as Tensor4D, filter_HWIO, stride, padding);
    const result_BHWO = tf.mul(tf.mul(sums_BHWO, scale), step_B111);
    return bias ? tf.add(result_BHWO, bias) : result_BHWO;
  },
  gradient: () => {
    throw notTrainable('nn.conv2d');
  },
});

/** Height and width of the result, rounded down. */
function sizeOf([, height, width]: readonly number[], { kernel, stride, pad }: ConvAttrs): [number, number] {
  const [top, bottom, left, right] = pad;
  const over = (size: number, length: number): number => Math.floor((size - length) / stride) + 1;
  return [over(height! + top + bottom, kernel[0]), over(width! + left + right, kernel[1])];
}

/** How a filter is laid: on the image, or on the image with every pixel repeated to 2 x 2. */
type Lay = 'plain' | 'enlarged';

/** A filter in 8 bits: about `codes_KO * scale_O`; K is kernel height, kernel width and inputs. */
interface FilterForm {
  /** int32 for tfjs, stored as bytes. */
  readonly codes_KO: Tensor;
  readonly scale_O: Tensor;
}

type Forms = Readonly<Record<Lay, FilterForm | null>>;

/** By the data id of the filter. */
const marked = new WeakMap<object, Forms>();

/**
 * From now on `nn.conv2d` and `nn.upsampleConv2d` multiply by this filter [O, I, H, W] in 8 bits, by codes that are made when they are
 * first needed. All other functions still see its numbers in float32.
 */
export function useInt8Filter(weight_OIHW: Tensor): void {
  const [outputs, inputs, ...kernel] = weight_OIHW.shape as [number, number, number, number];
  const read = (): Float32Array => readNumbers(weight_OIHW.dataId, 'nn.conv2d') as Float32Array;
  const pixels = kernel[0]! * kernel[1]!;
  marked.set(weight_OIHW.dataId, {
    plain: formOf([pixels * inputs, outputs], () => plainFilter(read(), { inputs, outputs, pixels })),
    enlarged:
      kernel.join() === '3,3'
        ? formOf([4 * inputs, 4 * outputs], () => enlargedFilter(read(), { inputs, outputs }))
        : null,
  });
}

/** True for a filter that `useInt8Filter` has marked. */
export function isFilterInInt8({ dataId }: Tensor): boolean {
  return marked.has(dataId);
}

/** Ends `useInt8Filter` and releases the codes. */
export function releaseInt8Filter({ dataId }: Tensor): void {
  const forms = marked.get(dataId);
  marked.delete(dataId);
  for (const form of [forms?.plain, forms?.enlarged]) if (form) tf.dispose([form.codes_KO, form.scale_O]);
}

/** The form by which to multiply; null for a filter in float32. */
export function filterFormFor({ dataId }: Tensor, lay: Lay): FilterForm | null {
  return marked.get(dataId)?.[lay] ?? null;
}

/** Tensors exist at once and numbers when they are read, as those of linear layers do. */
function formOf([rows, outputs]: readonly [number, number], filterOf: () => Float32Array): FilterForm {
  let made: ReturnType<typeof quantize> | null = null;
  const make = () => (made ??= quantize(filterOf(), outputs));
  const codes = { kind: 'computed', isBytes: true, read: () => make().codes_KO } as const;
  const scale = { kind: 'computed', read: () => make().scale_O } as const;
  return {
    codes_KO: tf.keep(storedTensor(codes, [rows, outputs], 'int32')),
    scale_O: tf.keep(storedTensor(scale, [outputs], 'float32')),
  };
}

interface FilterSizes {
  readonly inputs: number;
  readonly outputs: number;
}

/** [O, I, pixels] -> [pixels I, O]. */
function plainFilter(
  weight_OIP: Float32Array,
  { inputs, outputs, pixels }: FilterSizes & { readonly pixels: number },
): Float32Array {
  const filter_KO = new Float32Array(weight_OIP.length);
  let from = 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let p = 0; p < pixels; p++) filter_KO[(p * inputs + i) * outputs + o] = weight_OIP[from++]!;
    }
  }
  return filter_KO;
}

/** [O, I, 9] -> [4 I, 4 O]: the filters of the four positions within a pixel, side by side. */
function enlargedFilter(weight_OI9: Float32Array, { inputs, outputs }: FilterSizes): Float32Array {
  const filter_KO = new Float32Array(16 * inputs * outputs);
  for (let at = 0; at < 16; at++) {
    const [pixel, start] = [Math.floor(at / 4), at % 4];
    const summed = SUMS[at]!.flatMap((isAdded, k) => (isAdded ? [k] : []));
    for (let i = 0; i < inputs; i++) {
      const row = ((pixel * inputs + i) * 4 + start) * outputs;
      for (let o = 0; o < outputs; o++) {
        const first = (o * inputs + i) * 9;
        let sum = 0;
        for (const k of summed) sum += weight_OI9[first + k]!;
        filter_KO[row + o] = sum;
      }
    }
  }
  return filter_KO;
}

/** Codes and scales of a filter [K, O], each output by its own largest number; NaN where one is not a number. */
function quantize(filter_KO: Float32Array, outputs: number) {
  const largest_O = new Float32Array(outputs);
  for (let at = 0, o = 0; at < filter_KO.length; at++) {
    const size = Math.abs(filter_KO[at]!);
    if (!(size <= largest_O[o]!)) largest_O[o] = size;
    o = o + 1 === outputs ? 0 : o + 1;
  }
  const inverse_O = Float64Array.from(largest_O, (largest) => (largest === 0 ? 0 : LARGEST / largest));
  const codes_KO = new Int8Array(filter_KO.length);
  for (let at = 0, o = 0; at < filter_KO.length; at++) {
    codes_KO[at] = Math.round(filter_KO[at]! * inverse_O[o]!);
    o = o + 1 === outputs ? 0 : o + 1;
  }
  return { codes_KO, scale_O: largest_O.map((largest) => largest / LARGEST) };
}
