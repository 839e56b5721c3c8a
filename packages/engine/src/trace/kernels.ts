import type { Infer } from './infer.ts';
import { ELEMENTWISE } from './infer-elementwise.ts';
import { GATHER } from './infer-gather.ts';
import { LINEAR } from './infer-linear.ts';
import { REDUCE } from './infer-reduce.ts';
import { SHAPE } from './infer-shape.ts';

/** Every tfjs kernel that can be traced. */
export const KERNELS: Readonly<Record<string, Infer>> = { ...ELEMENTWISE, ...SHAPE, ...REDUCE, ...LINEAR, ...GATHER };

/** Kernels that answer with a list, even of one. */
export const LIST_KERNELS: ReadonlySet<string> = new Set(['Unpack', 'SplitV', 'TopK']);
