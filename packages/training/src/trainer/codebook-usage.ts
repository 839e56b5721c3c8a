import type { Layout } from '@tessera/core';
import type { EncodedSplit } from './encoded-split.ts';

/** Percent of a codebook in use: over all positions, and per scale. */
export interface CodebookUsage {
  readonly union: number;
  readonly scales: readonly number[];
}

/** How much of a codebook of `vocabulary` entries the tokens of a split use. */
export function codebookUsage(
  { count, read }: Pick<EncodedSplit, 'count' | 'read'>,
  { vocabulary, layout }: { vocabulary: number; layout: Layout },
): CodebookUsage {
  const index_NL = read(Int32Array.from({ length: count }, (_, n) => n));
  const used = (from: number, to: number): number => {
    const seen = new Uint8Array(vocabulary);
    for (let start = 0; start < index_NL.length; start += layout.length) {
      for (let i = start + from; i < start + to; i++) seen[index_NL[i]!] = 1;
    }
    return (100 * seen.reduce((sum, one) => sum + one, 0)) / vocabulary;
  };
  return {
    union: used(0, layout.length),
    scales: layout.scales.map(({ start, height, width }) => used(start, start + height * width)),
  };
}
