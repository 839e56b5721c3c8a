import type { WritableTensor } from '@tessera/checkpoints';

/** Tensors of an official transformer that follow from its configuration; our files leave them out. */
export function isDerived(name: string): boolean {
  return name === 'lvl_1L' || name === 'attn_bias_for_masking' || name.endsWith('.attn.zero_k_bias');
}

export interface DerivedFrom {
  readonly depth: number;
  readonly width: number;
  readonly patchNums: readonly number[];
  readonly dtype: 'float32' | 'float16';
}

/** Makes those tensors again: keys have no bias, positions know their scale, and no token sees a later scale. */
export function derivedTensors({ depth, width, patchNums, dtype }: DerivedFrom): WritableTensor[] {
  const levels = patchNums.flatMap((side, level) => new Array<number>(side * side).fill(level));
  const length = levels.length;
  const size = dtype === 'float32' ? 4 : 2;
  const biases = Array.from({ length: depth }, (_, block) => ({
    name: `blocks.${block}.attn.zero_k_bias`,
    dtype,
    shape: [width],
    bytes: () => new Uint8Array(width * size),
  }));
  return [
    ...biases,
    {
      name: 'lvl_1L',
      dtype: 'int64',
      shape: [1, length],
      bytes: () => new Uint8Array(BigInt64Array.from(levels, BigInt).buffer),
    },
    {
      name: 'attn_bias_for_masking',
      dtype,
      shape: [1, 1, length, length],
      bytes: () => maskBytes(levels, dtype),
    },
  ];
}

/** 0 where a query sees a key, -infinity where it does not. */
function maskBytes(levels: readonly number[], dtype: DerivedFrom['dtype']): Uint8Array {
  const length = levels.length;
  const hidden = dtype === 'float32' ? 0xff800000 : 0xfc00;
  const bits = dtype === 'float32' ? new Uint32Array(length * length) : new Uint16Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) if (levels[query]! < levels[key]!) bits[query * length + key] = hidden;
  }
  return new Uint8Array(bits.buffer);
}

/** The sides that `lvl_1L` spells out: how often each scale's index stands in it. Null when it spells no squares. */
export function patchNumsOfLevels(levels: Float64Array): readonly number[] | null {
  const counts: number[] = [];
  let last = 0;
  for (const level of levels) {
    if (level !== last && level !== last + 1) return null;
    counts[level] = (counts[level] ?? 0) + 1;
    last = level;
  }
  const sides = Array.from(counts, (count) => Math.sqrt(count ?? 0));
  return sides.length > 0 && sides.every((side) => side > 0 && Number.isInteger(side)) ? sides : null;
}
