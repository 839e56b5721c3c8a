import type { Init } from '@tessera/core';

const DRAWS = 1 << 20;
let block: Float32Array | null = null;

/**
 * Values of a parameter that starts as `init` says. Normal numbers come from one block that is read over and over from
 * `offset` on: a benchmark needs their spread, not their independence.
 */
export function randomValues(init: Init, size: number, offset: number): Float32Array {
  switch (init.kind) {
    case 'normal':
      return scaledNormals(size, offset, init.std);
    case 'uniform':
      return scaledNormals(size, offset, init.bound / Math.sqrt(3));
    case 'rows': {
      const values = new Float32Array(size);
      const perRow = size / init.parts.reduce((sum, { rows }) => sum + rows, 0);
      let at = 0;
      for (const { rows, init: part } of init.parts) {
        values.set(randomValues(part, rows * perRow, offset + at), at);
        at += rows * perRow;
      }
      return values;
    }
    case 'constant':
      return new Float32Array(size).fill(init.value);
    case 'ones':
      return new Float32Array(size).fill(1);
    case 'zeros':
      return new Float32Array(size);
  }
}

function scaledNormals(size: number, offset: number, std: number): Float32Array {
  block ??= normalBlock();
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = std * block[(i + offset) % DRAWS]!;
  return values;
}

/** Normal numbers by Box and Muller from a linear congruential sequence with a fixed start. */
function normalBlock(): Float32Array {
  const draws = new Float32Array(DRAWS);
  let state = 12345;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  for (let i = 0; i < DRAWS; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    draws[i] = radius * Math.cos(angle);
    draws[i + 1] = radius * Math.sin(angle);
  }
  return draws;
}
