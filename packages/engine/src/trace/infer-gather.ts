import type { DType } from './graph.ts';
import { axisFrom0, one, type Infer, type Shape } from './infer.ts';

export const GATHER: Readonly<Record<string, Infer>> = {
  GatherV2: ({ x, indices }, attrs) => {
    const axis = axisFrom0(attrs['axis'] as number, x!.shape.length);
    const batchDims = (attrs['batchDims'] as number | undefined) ?? 0;
    const shape = [...x!.shape.slice(0, axis), ...indices!.shape.slice(batchDims), ...x!.shape.slice(axis + 1)];
    return one(shape, x!.dtype, { axis, batchDims });
  },
  GatherNd: ({ params, indices }) => {
    const depth = indices!.shape.at(-1)!;
    return one([...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)], params!.dtype);
  },
  ScatterNd: ({ updates }, attrs) => {
    const shape = attrs['shape'] as Shape;
    return one(shape, updates!.dtype, { shape });
  },
  UnsortedSegmentSum: ({ x, segmentIds }, attrs) => {
    const segments = attrs['numSegments'] as number;
    return one([segments, ...x!.shape.slice(segmentIds!.shape.length)], x!.dtype, { segments });
  },
  OneHot: ({ indices }, attrs) => {
    const { depth, onValue, offValue, dtype } = attrs as {
      depth: number;
      onValue: number;
      offValue: number;
      dtype?: DType;
    };
    return one([...indices!.shape, depth], dtype ?? 'int32', { depth, onValue, offValue });
  },
};
