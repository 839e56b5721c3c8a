import type { ConvAttrs, Value } from '@tessera/engine/target';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';
import { toChannelsFirst, toChannelsLast } from './lower-conv.ts';
import { reshape } from './lower-shape.ts';

/** TensorProto.DataType, for Cast. */
const FLOAT = 1;
const UINT8 = 2;
const INT32 = 6;

/**
 * Activations are unsigned with 128 for zero: products of unsigned and signed bytes are the fastest that processors have. Scales
 * of rows are applied after the product, since ONNX Runtime knows one scale for all rows.
 */
export const linearInt8: OnnxLowering = ({ inputs }, onnx) => {
  const x = onnx.name(inputs.x!);
  const step = stepOfRows(x, onnx);
  const one = onnx.scalar(1, 'float32');
  const zero = onnx.op('Cast', [onnx.scalar(128, 'int32')], { to: UINT8 });
  const codes = onnx.op('QuantizeLinear', [onnx.op('Div', [x, step]), one, zero]);
  const factors = [codes, onnx.name(inputs.codes!), one, onnx.name(inputs.scale!), zero];
  const sums = onnx.op('MatMulIntegerToFloat', factors, {}, 'com.microsoft');
  const product = onnx.op('Mul', [sums, step]);
  return inputs.bias ? onnx.op('Add', [product, onnx.name(inputs.bias)]) : product;
};

/**
 * A 127th of each row's largest number. ReduceMax overlooks NaN, of which the codes would make a number like any other: a sum
 * times zero brings it back. Three passes that read are as fast as absolute values and one.
 */
function stepOfRows(x: string, onnx: OnnxBuilder): string {
  const over = (op: string): string => onnx.op(op, [x, onnx.ints([-1])], { keepdims: 1 });
  const largest = onnx.op('Max', [over('ReduceMax'), onnx.op('Neg', [over('ReduceMin')])]);
  const fraction = onnx.op('Mul', [largest, onnx.scalar(1 / 127, 'float32')]);
  const nothing = onnx.op('Mul', [over('ReduceSum'), onnx.scalar(0, 'float32')]);
  const step = onnx.op('Add', [onnx.op('Add', [fraction, onnx.scalar(1e-30, 'float32')]), nothing]);
  // Where there are no rows, ONNX Runtime's reductions give [0, I] instead of [0, 1].
  return onnx.op('Reshape', [step, onnx.ints([-1, 1])]);
}

/**
 * The pixels under the filter side by side, times the filter: ONNX Runtime's ConvInteger moves pixels on one thread, and QLinearConv
 * has to know the range of its results.
 */
export const convInt8: OnnxLowering = ({ inputs, attrs, outputs }, onnx) => {
  const x = inputs.x!;
  const [batch, height, width] = outputs[0]!.shape as FourSizes;
  const filters = inputs.codes!.shape[1]!;
  const rows = reshape(onnx, toChannelsFirst(onnx, onnx.name(x)), [batch!, sizeOfImage(x)]);
  const { step, zero } = stepOfImages(rows, onnx);
  const code = onnx.op('Cast', [zero], { to: UINT8 });
  const flat = [rows, ...[step, code].map((name) => reshape(onnx, name, [-1]))];
  const codes = onnx.op('QuantizeLinear', flat, { axis: 0 });
  const under = pixelsUnder(codes, { x, code, attrs: attrs as unknown as ConvAttrs, size: [height, width] }, onnx);
  const factors = [under, onnx.name(inputs.codes!), onnx.scalar(1, 'float32'), onnx.name(inputs.scale!)];
  const sums_BPO = onnx.op('MatMulIntegerToFloat', factors, {}, 'com.microsoft');
  const sums_BOP = onnx.op('Transpose', [sums_BPO], { perm: [0, 2, 1] });
  const scaled = onnx.op('Mul', [sums_BOP, reshape(onnx, step, [-1, 1, 1])]);
  const shift = reshape(onnx, shiftOf({ step, zero, inputs }, onnx), [-1, filters, 1]);
  const planes = reshape(onnx, onnx.op('Add', [scaled, shift]), [batch, filters, height, width]);
  return toChannelsLast(onnx, planes);
};

type FourSizes = readonly [number, number, number, number];

function sizeOfImage({ shape }: Value): number {
  return shape.slice(1).reduce((product, size) => product * size, 1);
}

/** [B, 1] each: what one code is worth, and the code of 0 as a float. A sum times zero brings NaN back, as for rows. */
function stepOfImages(rows: string, onnx: OnnxBuilder): { readonly step: string; readonly zero: string } {
  const number = (value: number): string => onnx.scalar(value, 'float32');
  const over = (op: string): string => onnx.op(op, [rows, onnx.ints([-1])], { keepdims: 1 });
  const low = onnx.op('Min', [over('ReduceMin'), number(0)]);
  const high = onnx.op('Max', [over('ReduceMax'), number(0)]);
  const range = onnx.op('Mul', [onnx.op('Sub', [high, low]), number(1 / 255)]);
  const nothing = onnx.op('Mul', [over('ReduceSum'), number(0)]);
  const sum = onnx.op('Add', [onnx.op('Add', [range, number(1e-30)]), nothing]);
  const step = reshape(onnx, sum, [-1, 1]);
  const zero = onnx.op('Round', [onnx.op('Div', [reshape(onnx, onnx.op('Neg', [low]), [-1, 1]), step])]);
  return { step, zero };
}

/** [B, O]: the bias, less what the codes of 0 add to each sum. */
function shiftOf(
  {
    step,
    zero,
    inputs,
  }: { readonly step: string; readonly zero: string; readonly inputs: Readonly<Record<string, Value>> },
  onnx: OnnxBuilder,
): string {
  const whole = onnx.op('Cast', [onnx.name(inputs.codes!)], { to: INT32 });
  const sums_O = onnx.op('Cast', [onnx.op('ReduceSum', [whole, onnx.ints([0])], { keepdims: 0 })], { to: FLOAT });
  const less = onnx.op('Mul', [onnx.op('Mul', [zero, onnx.op('Mul', [sums_O, onnx.name(inputs.scale!)])]), step]);
  return inputs.bias ? onnx.op('Sub', [onnx.name(inputs.bias), less]) : onnx.op('Neg', [less]);
}

interface Laid {
  readonly x: Value;
  /** [B, 1]: the code of 0. */
  readonly code: string;
  readonly attrs: ConvAttrs;
  /** Height and width of the result. */
  readonly size: readonly [number, number];
}

/** Codes [B, C H W] -> [B, H' W', kernel height * kernel width * C]. */
function pixelsUnder(codes: string, { x, code, attrs, size }: Laid, onnx: OnnxBuilder): string {
  const [batch, height, width, channels] = x.shape as FourSizes;
  const image = toChannelsLast(onnx, reshape(onnx, codes, [batch, channels, height, width]));
  const pixels = reshape(onnx, image, [batch, height * width, channels]);
  const { kernel, stride, pad } = attrs;
  if ([...kernel, stride].every((value) => value === 1) && pad.every((value) => value === 0)) return pixels;
  // One pixel more, of zeros, stands for all around the image.
  const around = onnx.op('Expand', [reshape(onnx, code, [-1, 1, 1]), onnx.ints([batch, 1, channels])]);
  const all = onnx.op('Concat', [pixels, around], { axis: 1 });
  const places = placesUnder({ height, width, attrs, size }, onnx);
  const under = onnx.op('Gather', [all, places], { axis: 1 });
  return reshape(onnx, under, [batch, size[0] * size[1], kernel[0] * kernel[1] * channels]);
}

interface Places {
  readonly height: number;
  readonly width: number;
  readonly attrs: ConvAttrs;
  readonly size: Laid['size'];
}

/** [H' W', kernel height * kernel width]: which pixel lies under each of the filter's; H W for those around the image. */
function placesUnder({ height, width, attrs, size }: Places, onnx: OnnxBuilder): string {
  const { kernel, stride, pad } = attrs;
  const upTo = (count: number, shape: readonly number[]): string => {
    const [start, step] = [onnx.scalar(0, 'int64'), onnx.scalar(1, 'int64')];
    const limit = onnx.op('Squeeze', [onnx.ints([count])]);
    return onnx.op('Reshape', [onnx.op('Range', [start, limit, step]), onnx.ints(shape)]);
  };
  const along = (axis: 0 | 1, length: number, before: number) => {
    const [outer, inner] = axis === 0 ? [[-1, 1, 1, 1], [1, 1, -1, 1]] : [[1, -1, 1, 1], [1, 1, 1, -1]]; // prettier-ignore
    const first = onnx.op('Mul', [upTo(size[axis], outer), onnx.ints([stride])]);
    const place = onnx.op('Sub', [onnx.op('Add', [first, upTo(kernel[axis], inner)]), onnx.ints([before])]);
    const isAfter = onnx.op('GreaterOrEqual', [place, onnx.ints([0])]);
    return { place, isInside: onnx.op('And', [isAfter, onnx.op('Less', [place, onnx.ints([length])])]) };
  };
  const row = along(0, height, pad[0]);
  const column = along(1, width, pad[2]);
  const place = onnx.op('Add', [onnx.op('Mul', [row.place, onnx.ints([width])]), column.place]);
  const isInside = onnx.op('And', [row.isInside, column.isInside]);
  const inside = onnx.op('Where', [isInside, place, onnx.ints([height * width])]);
  return onnx.op('Reshape', [inside, onnx.ints([-1, kernel[0] * kernel[1]])]);
}
