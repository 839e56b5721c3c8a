import { maskRate } from '@tessera/training';
import type { Verdict } from '../comparison.ts';
import { exact } from '../tolerance.ts';
import { same } from './same.ts';

/** A normal distribution cut off outside of [mask_ratio_min, 1], by quantiles (probability, rate) and moments. */
export interface MaskRatioTable {
  readonly mask_ratio_min: number;
  readonly loc: number;
  readonly scale: number;
  readonly quantiles: readonly (readonly [number, number])[];
  readonly mean: number;
  readonly std: number;
}

const DRAWS = 20_000;
/** Standard errors that a statistic of fair draws may be off. */
const ERRORS = 4;

/** Draws rates and compares how many lie below each quantile. They are always drawn around 1. */
export function checkMaskRatio({ mask_ratio_min: least, quantiles, mean, std, loc, scale }: MaskRatioTable): Verdict[] {
  const rates = Array.from({ length: DRAWS }, (_, number) =>
    maskRate({ least, deviation: scale }, { seed: 1, number }),
  );
  const shares = quantiles.map(([, rate]) => rates.filter((drawn) => drawn <= rate).length / DRAWS);
  const probabilities = quantiles.map(([probability]) => probability);
  const average = rates.reduce((sum, rate) => sum + rate, 0) / DRAWS;
  const spread = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - average) ** 2, 0) / DRAWS);
  const within = (error: number) => ({ absolute: ERRORS * error, relative: 0 });
  return [
    ...probabilities.map((probability, i) =>
      same(`mask_ratio ${probability}`, {
        expected: [probability],
        found: [shares[i]!],
        tolerance: within(Math.sqrt((probability * (1 - probability)) / DRAWS)),
      }),
    ),
    same('mask_ratio mean', { expected: [mean], found: [average], tolerance: within(std / Math.sqrt(DRAWS)) }),
    same('mask_ratio std', { expected: [std], found: [spread], tolerance: within(std / Math.sqrt(2 * DRAWS)) }),
    same('mask_ratio loc', { expected: [loc], found: [1], tolerance: exact }),
  ];
}
