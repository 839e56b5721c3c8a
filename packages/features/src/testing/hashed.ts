import type { Tensor4D } from '@tensorflow/tfjs';
import type { Weights } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';

/* Inputs and weights that ../../fixtures/goldens.py makes too. For this package's tests only; not exported. */

/** Numbers in [0, 1): FNV-1a of the name, then a mix of it with each index (the finaliser of MurmurHash3). */
export function hashed(name: string, count: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Float32Array.from({ length: count }, (_, index) => {
    let n = (seed + index) | 0;
    n = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
    n = Math.imul(n ^ (n >>> 13), 0xc2b2ae35);
    return ((n ^ (n >>> 16)) >>> 0) / 2 ** 32;
  });
}

/** Images in [0, 1]. */
export function hashedImages(name: string, count: number, side: number): Tensor4D {
  return tensorFrom(hashed(name, count * side * side * 3), [count, side, side, 3]) as Tensor4D;
}

/** Weights of any network: each tensor by its name and shape. */
export const hashedWeights: Weights = {
  has: () => true,
  param: (name, shape) => tensorFrom(hashedWeight(name, shape), [...shape]),
};

export function hashedWeight(name: string, shape: readonly number[]): Float32Array {
  const size = shape.reduce((product, side) => product * side, 1);
  const values = hashed(name, size);
  if (name.endsWith('running_var')) return values.map((value) => 0.5 + value);
  if (shape.length === 1 && name.endsWith('.weight')) return values.map((value) => 0.9 + 0.2 * value);
  if (shape.length === 1) return values.map((value) => 0.2 * value - 0.1);
  if (name.includes('lin')) return values.map((value) => value / shape[1]!);
  const bound = Math.sqrt((6 * shape[0]!) / size);
  return values.map((value) => (2 * value - 1) * bound);
}
