import { TesseraError } from '@tessera/errors';
import type { DType, Value, ValueSpec } from './graph.ts';

/** What a kernel gives, and its attributes in normal form: axes from 0, sizes known, window geometry computed. */
interface Inferred {
  readonly outputs: readonly ValueSpec[];
  readonly attrs: Readonly<Record<string, unknown>>;
}

export type Infer = (inputs: Readonly<Record<string, Value>>, attrs: Readonly<Record<string, unknown>>) => Inferred;

export type Attrs = Readonly<Record<string, unknown>>;
export type Shape = readonly number[];

/** A kernel of one result. */
export function one(shape: Shape, dtype: DType, attrs: Attrs = {}): Inferred {
  return { outputs: [{ shape, dtype }], attrs };
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function axisFrom0(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/**
 * The shape that NumPy's rules give. tfjs leaves this check to its kernels.
 * @throws TesseraError `shape-mismatch`
 */
export function broadcast(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw shapeMismatch('broadcasting', `[${a}] and [${b}]`, 'equal sizes, or 1');
    return x === 1 ? y : x;
  });
}

export function shapeMismatch(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'shape-mismatch', who, got, expected });
}

export function notTraceable(kernel: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'kernel-not-traceable', who: kernel, got, expected });
}
