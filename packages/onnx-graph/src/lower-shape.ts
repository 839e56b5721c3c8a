import type { DType, GraphNode, TypedArray } from '@tessera/engine/target';
import { inputNames } from './lower-elementwise.ts';
import type { OnnxBuilder, OnnxLowering } from './builder.ts';

type Shape = readonly number[];

/** `allowzero`: a size of 0 means 0, as in tfjs, not "as before". */
export function reshape(onnx: OnnxBuilder, name: string, shape: Shape): string {
  return onnx.op('Reshape', [name, onnx.ints(shape)], { allowzero: 1 });
}

export function transpose(onnx: OnnxBuilder, name: string, perm: Shape): string {
  return onnx.op('Transpose', [name], { perm });
}

const x = (node: GraphNode, onnx: OnnxBuilder) => onnx.name(node.inputs.x!);

const slice: OnnxLowering = (node, onnx) => {
  const { begin, size, axes } = node.attrs as { begin: Shape; size: Shape; axes: Shape };
  if (axes.length === 0) return x(node, onnx);
  const starts = onnx.ints(axes.map((i) => begin[i]!));
  const ends = onnx.ints(axes.map((i) => begin[i]! + size[i]!));
  return onnx.op('Slice', [x(node, onnx), starts, ends, onnx.ints(axes)]);
};

const stridedSlice: OnnxLowering = (node, onnx) => {
  const { begin, end, strides, shape } = node.attrs as { begin: Shape; end: Shape; strides: Shape; shape: Shape };
  // Running backwards past the first element needs an end before it: -1 would mean the last element.
  const ends = end.map((stop, i) => (strides[i]! < 0 && stop < 0 ? Number.MIN_SAFE_INTEGER : stop));
  const vectors = [begin, ends, [...begin.keys()], strides].map((values) => onnx.ints(values));
  return reshape(onnx, onnx.op('Slice', [x(node, onnx), ...vectors]), shape);
};

const pads = (node: GraphNode, onnx: OnnxBuilder) => {
  const paddings = node.attrs.paddings as readonly (readonly [number, number])[];
  return onnx.ints([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
};

const pad: OnnxLowering = (node, onnx) => {
  const value = onnx.scalar((node.attrs.constantValue as number | undefined) ?? 0, node.inputs.x!.dtype);
  return onnx.op('Pad', [x(node, onnx), pads(node, onnx), value], { mode: 'constant' });
};

/** ONNX has no symmetric mirror: the two halves of each border are cut, turned and joined. */
const mirrorPad: OnnxLowering = (node, onnx) => {
  if (node.attrs.mode === 'reflect') return onnx.op('Pad', [x(node, onnx), pads(node, onnx)], { mode: 'reflect' });
  const paddings = node.attrs.paddings as readonly (readonly [number, number])[];
  return paddings.reduce(
    (name, [before, after], axis) => {
      if (before === 0 && after === 0) return name;
      const dim = node.inputs.x!.shape[axis]!;
      const turned = (last: number, count: number) => {
        const end = last - count;
        const vectors = [[last], [end < 0 ? end - dim : end], [axis], [-1]].map((values) => onnx.ints(values));
        return onnx.op('Slice', [name, ...vectors]);
      };
      const parts = [
        ...(before > 0 ? [turned(before - 1, before)] : []),
        name,
        ...(after > 0 ? [turned(dim - 1, after)] : []),
      ];
      return onnx.op('Concat', parts, { axis });
    },
    x(node, onnx),
  );
};

const reverse: OnnxLowering = (node, onnx) => {
  const axes = node.attrs.axes as Shape;
  const vectors = [axes.map(() => -1), axes.map(() => Number.MIN_SAFE_INTEGER), axes, axes.map(() => -1)];
  return onnx.op('Slice', [x(node, onnx), ...vectors.map((values) => onnx.ints(values))]);
};

const pack: OnnxLowering = (node, onnx) => {
  const axis = node.attrs.axis as number;
  const parts = inputNames(node, onnx).map((name) => onnx.op('Unsqueeze', [name, onnx.ints([axis])]));
  return onnx.op('Concat', parts, { axis });
};

const unpack: OnnxLowering = (node, onnx) => {
  const axis = node.attrs.axis as number;
  const parts = split(onnx, { name: onnx.name(node.inputs.value!), axis, sizes: node.outputs.map(() => 1) });
  return parts.map((name) => onnx.op('Squeeze', [name, onnx.ints([axis])]));
};

function split(onnx: OnnxBuilder, { name, axis, sizes }: { name: string; axis: number; sizes: Shape }): string[] {
  if (sizes.length === 1) return [name];
  return onnx.ops('Split', [name, onnx.ints(sizes)], sizes.length, { axis });
}

/** A run of equal or evenly spaced numbers is a constant; the numbers differ from shape to shape like any other. */
const range: OnnxLowering = (node, onnx) => {
  const { start, step, length, dtype } = node.attrs as { start: number; step: number; length: number; dtype: DType };
  const numbers = Array.from({ length }, (_, i) => start + i * step);
  const data: TypedArray = dtype === 'float32' ? Float32Array.from(numbers) : Int32Array.from(numbers);
  return onnx.constant(data, dtype, [length]);
};

export const SHAPE: Readonly<Record<string, OnnxLowering>> = {
  Reshape: (node, onnx) => reshape(onnx, x(node, onnx), node.attrs.shape as Shape),
  ExpandDims: (node, onnx) => {
    return onnx.op('Unsqueeze', [onnx.name(node.inputs.input!), onnx.ints([node.attrs.axis as number])]);
  },
  Transpose: (node, onnx) => transpose(onnx, x(node, onnx), node.attrs.perm as Shape),
  Slice: slice,
  StridedSlice: stridedSlice,
  PadV2: pad,
  MirrorPad: mirrorPad,
  Reverse: reverse,
  Concat: (node, onnx) => {
    const names = inputNames(node, onnx);
    return names.length === 1 ? names[0]! : onnx.op('Concat', names, { axis: node.attrs.axis as number });
  },
  Pack: pack,
  Unpack: unpack,
  SplitV: (node, onnx) => {
    return split(onnx, { name: x(node, onnx), axis: node.attrs.axis as number, sizes: node.attrs.sizes as Shape });
  },
  Tile: (node, onnx) => onnx.op('Tile', [x(node, onnx), onnx.ints(node.attrs.reps as Shape)]),
  BroadcastTo: (node, onnx) => onnx.op('Expand', [x(node, onnx), onnx.ints(node.attrs.shape as Shape)]),
  Fill: (node, onnx) => {
    const { shape, value, dtype } = node.attrs as { shape: Shape; value: number; dtype: DType };
    return onnx.op('Expand', [onnx.scalar(value, dtype), onnx.ints(shape)]);
  },
  Range: range,
  LinSpace: range,
};
