import { keyedRng } from '@tessera/engine';

/** Standard deviation of the rate before it is cut off (MAR, arXiv 2406.11838, section 3.3). */
const STD = 0.25;

/**
 * The share of tokens that batch `number` hides: drawn from the normal distribution around 1, cut off outside of
 * [least, 1]. The same seed and number give the same rate.
 */
export function maskRate({ least, seed, number }: { least: number; seed: number; number: number }): number {
  if (least >= 1) return 1;
  const rng = keyedRng([seed]);
  for (let attempt = 0; ; attempt++) {
    const [draw] = rng.normal({ row: 0, stream: 'mask-rate', step: number, position: attempt }, 1);
    const rate = 1 - STD * Math.abs(draw!);
    if (rate >= least) return rate;
  }
}
