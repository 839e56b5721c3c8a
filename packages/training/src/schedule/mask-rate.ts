import { keyedRng } from '@tessera/engine';

/** Where rates are drawn from: the normal distribution around 1 with this deviation, cut off outside of [least, 1]. */
export interface MaskRates {
  readonly least: number;
  readonly deviation: number;
}

/**
 * Where so many draws miss [least, 1], that is a sliver of the distribution: rates in it are as good as alike, and one of
 * them is taken without looking.
 */
const ATTEMPTS = 1000;

/**
 * The share of tokens that batch `number` hides (MAR, arXiv 2406.11838, section 3.3, where the deviation is 0.25). The
 * same seed and number give the same rate.
 */
export function maskRate({ least, deviation }: MaskRates, { seed, number }: { seed: number; number: number }): number {
  if (least >= 1) return 1;
  const rng = keyedRng([seed]);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [draw] = rng.normal({ row: 0, stream: 'mask-rate', step: number, position: attempt }, 1);
    const rate = 1 - deviation * Math.abs(draw!);
    if (rate >= least) return rate;
  }
  const [draw] = rng.uniform({ row: 0, stream: 'mask-rate', step: number, position: ATTEMPTS }, 1);
  return 1 - (1 - least) * draw!;
}
