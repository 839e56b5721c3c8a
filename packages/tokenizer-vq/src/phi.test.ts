import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { phiIndex } from './phi.ts';

const { phi_index }: { phi_index: { K: number; SN: number; index: number[] }[] } = JSON.parse(
  readFileSync(new URL('../fixtures/tables.json', import.meta.url), 'utf8'),
);

describe('phiIndex', () => {
  it.each(phi_index)('equals the official choice of $K phis for $SN scales', ({ K, SN, index }) => {
    expect(Array.from({ length: SN }, (_, scale) => phiIndex(scale, SN, K))).toEqual(index);
  });

  it('gives a single scale phi 0', () => {
    expect(phiIndex(0, 1, 4)).toBe(0);
  });
});
