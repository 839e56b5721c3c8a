import { keyedRng } from '@tessera/engine';

/** Where rates are drawn from: the normal distribution around 1 with this deviation, cut off outside of [least, 1]. */
export interface MaskRates {
  readonly least: number;
  readonly deviation: number;
}

/**
 * The share of tokens that batch `number` hides (MAR, arXiv 2406.11838, section 3.3, where the deviation is 0.25). The
 * same seed and number give the same rate.
 */
export function maskRate({ least, deviation }: MaskRates, { seed, number }: { seed: number; number: number }): number {
  if (least >= 1) return 1;
  const rng = keyedRng([seed]);
  for (let attempt = 0; ; attempt++) {
    const [draw] = rng.normal({ row: 0, stream: 'mask-rate', step: number, position: attempt }, 1);
    const rate = 1 - deviation * Math.abs(draw!);
    if (rate >= least) return rate;
  }
}
