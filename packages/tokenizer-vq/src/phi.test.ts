import { varSchedules } from '@tessera/goldens';
import { describe, expect, it } from 'vitest';
import { phiIndex } from './phi.ts';

describe('phiIndex', () => {
  it.each(varSchedules().phi_index)('equals the official choice of $K phis for $SN scales', ({ K, SN, index }) => {
    expect(Array.from({ length: SN }, (_, scale) => phiIndex(scale, SN, K))).toEqual(index);
  });

  it('gives a single scale phi 0', () => {
    expect(phiIndex(0, 1, 4)).toBe(0);
  });
});
