import * as tf from '@tensorflow/tfjs';
import { broadcast, notTraceable, one, shapeMismatch, type Attrs, type Infer, type Shape } from './infer.ts';

/** A window that slides over height and width: [height, width] each, pads as [top, left, bottom, right]. */
export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
}

type Image = [number, number, number, number];

const matMul: Infer = ({ a, b }, attrs) => {
  const transposeA = Boolean(attrs['transposeA']);
  const transposeB = Boolean(attrs['transposeB']);
  const rows = a!.shape.at(transposeA ? -1 : -2)!;
  const columns = b!.shape.at(transposeB ? -2 : -1)!;
  const [inner, other] = [a!.shape.at(transposeA ? -2 : -1), b!.shape.at(transposeB ? -1 : -2)];
  if (inner !== other) throw shapeMismatch('matMul', `[${a!.shape}] times [${b!.shape}]`, 'equal inner sizes');
  const batch = broadcast(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  return one([...batch, rows, columns], a!.dtype, { transposeA, transposeB });
};

function convWindow(kernel: string, x: Shape, filter: Shape, attrs: Attrs) {
  const a = attrs as unknown as tf.Conv2DAttrs;
  if ((a.dataFormat ?? 'NHWC') !== 'NHWC') throw notTraceable(kernel, `images in ${a.dataFormat}`, 'NHWC');
  const dilations = a.dilations ?? 1;
  const sizes = [x as Image, filter as Image] as const;
  const info = tf.backend_util.computeConv2DInfo(...sizes, a.strides, dilations, a.pad, a.dimRoundingMode);
  return { window: windowOf(info), outShape: info.outShape };
}

function poolWindow(x: Shape, attrs: Attrs) {
  const a = attrs as unknown as tf.MaxPoolAttrs;
  const info = tf.backend_util.computePool2DInfo(x as Image, a.filterSize, a.strides, 1, a.pad, a.dimRoundingMode);
  return { window: windowOf(info), outShape: info.outShape };
}

function windowOf(info: tf.backend_util.Conv2DInfo): Window {
  const { top, left, bottom, right } = info.padInfo;
  return {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: [top, left, bottom, right],
  };
}

const resize: Infer = ({ images }, attrs) => {
  const { size, alignCorners, halfPixelCenters } = attrs as unknown as tf.ResizeBilinearAttrs;
  const [batch, , , channels] = images!.shape as Image;
  const shape = [batch, ...size, channels];
  return one(shape, 'float32', {
    size,
    alignCorners: Boolean(alignCorners),
    halfPixelCenters: Boolean(halfPixelCenters),
  });
};

const pool: Infer = ({ x }, attrs) => {
  const { window, outShape } = poolWindow(x!.shape, attrs);
  return one(outShape, x!.dtype, { window });
};

const poolGrad: Infer = ({ input, dy }, attrs) => {
  return one(input!.shape, dy!.dtype, { window: poolWindow(input!.shape, attrs).window });
};

export const LINEAR: Readonly<Record<string, Infer>> = {
  BatchMatMul: matMul,
  Conv2D: ({ x, filter }, attrs) => {
    const { window, outShape } = convWindow('Conv2D', x!.shape, filter!.shape, attrs);
    return one(outShape, x!.dtype, { window });
  },
  DepthwiseConv2dNative: ({ x, filter }, attrs) => {
    const a = attrs as unknown as tf.DepthwiseConv2dNativeAttrs;
    const sizes = [x!.shape as Image, filter!.shape as Image] as const;
    const info = tf.backend_util.computeConv2DInfo(...sizes, a.strides, a.dilations, a.pad, a.dimRoundingMode, true);
    return one(info.outShape, x!.dtype, { window: windowOf(info) });
  },
  Conv2DBackpropInput: ({ dy, filter }, attrs) => {
    const inputShape = attrs['inputShape'] as Shape;
    const { window } = convWindow('Conv2DBackpropInput', inputShape, filter!.shape, attrs);
    return one(inputShape, dy!.dtype, { window });
  },
  Conv2DBackpropFilter: ({ x }, attrs) => {
    const filterShape = attrs['filterShape'] as Shape;
    const { window } = convWindow('Conv2DBackpropFilter', x!.shape, filterShape, attrs);
    return one(filterShape, x!.dtype, { window });
  },
  AvgPool: pool,
  MaxPool: pool,
  AvgPoolGrad: poolGrad,
  MaxPoolGrad: poolGrad,
  ResizeNearestNeighbor: (inputs, attrs) => {
    // tfjs-cpu ignores the option: there is no reference to agree with
    if (attrs['halfPixelCenters']) throw notTraceable('ResizeNearestNeighbor', 'halfPixelCenters', 'nn.resize instead');
    return resize(inputs, attrs);
  },
  ResizeBilinear: resize,
  ResizeNearestNeighborGrad: ({ images, dy }) => one(images!.shape, dy!.dtype),
};
