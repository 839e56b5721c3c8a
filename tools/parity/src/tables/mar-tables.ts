import { linearGuidance, setSizes, setSteps } from '@tessera/core';
import { learningRate, maskRate } from '@tessera/training';
import { leftOver, same, type Verdict } from '../comparison.ts';
import { exact, table } from '../tolerance.ts';

/** Tables of masked generation and its training, by section; a file may hold some of them. */
interface MarTables {
  readonly mask_len?: readonly SetTable[];
  readonly lr?: readonly RateTable[];
  readonly mask_ratio_truncnorm?: MaskRatioTable;
}

/** What is still masked after each iteration, and how many tokens it predicts; weights of guidance under `linear_cfgN`. */
interface SetTable {
  readonly seq_len: number;
  readonly num_iter: number;
  readonly rows_masklen_npred: readonly (readonly [number, number])[];
}

interface RateTable {
  readonly schedule: string;
  readonly lr: number;
  readonly min_lr: number;
  readonly warmup_epochs: number;
  readonly epochs: number;
  /** Fractional epoch and rate. */
  readonly rows: readonly (readonly [number, number])[];
}

const KNOWN = ['mask_len', 'lr', 'mask_ratio_truncnorm'];

export function isMarTables(content: object): content is MarTables {
  return 'mask_len' in content || 'mask_ratio_truncnorm' in content;
}

export function checkMarTables(content: MarTables): Verdict[] {
  const { mask_len = [], lr = [], mask_ratio_truncnorm: ratio } = content;
  return [
    ...mask_len.flatMap(checkSets),
    ...lr.map(checkRates),
    ...(ratio ? checkMaskRatio(ratio) : []),
    ...leftOver(content, KNOWN),
  ];
}

/** Sizes of sets, also those of more iterations than tokens, and guidance by the share that they leave. */
function checkSets(given: SetTable): Verdict[] {
  const { seq_len: length, num_iter, rows_masklen_npred: rows } = given;
  const name = `mask_len.${length} in ${num_iter}`;
  const order = Array.from({ length }, (_, position) => position);
  const steps = [...setSteps([order], setSizes(length, num_iter))];
  const layout = { length, scales: [{ start: 0, height: 1, width: length }] };
  const weights = Object.entries(given).flatMap(([key, expected]) => {
    const scale = /^linear_cfg(.+)$/.exec(key)?.[1];
    if (scale === undefined) return [];
    const { weight } = linearGuidance(Number(scale));
    const found = steps.map((step) => weight(step, layout));
    return [same(`${name}.${key}`, { expected: expected as number[], found, tolerance: table })];
  });
  // The official mask keeps one token to the end; its last iteration takes that one too.
  const masked = steps.map(({ after }) => Math.max(1, after));
  const taken = steps.map(({ positions_Bl }) => positions_Bl.length);
  return [
    same(`${name}.masked`, { expected: rows.map(([count]) => count), found: masked, tolerance: exact }),
    same(`${name}.predicted`, { expected: rows.map(([, count]) => count), found: taken, tolerance: exact }),
    ...weights,
  ];
}

/** The rate by fractional epochs: after warm-up constant, or half a cosine that ends with the last epoch. */
function checkRates({ schedule, lr: peak, min_lr, warmup_epochs: warmup, epochs, rows }: RateTable): Verdict {
  const shape = schedule === 'constant' ? 'lin00' : 'cos';
  const endFactor = schedule === 'constant' ? 1 : min_lr / peak;
  const plan = { shape, peak, warmup, steps: epochs + 1, startFactor: 0, endFactor };
  const found = rows.map(([epoch]) => learningRate(epoch, plan));
  return same(`lr (${schedule})`, { expected: rows.map(([, rate]) => rate), found, tolerance: table });
}

/** A normal distribution cut off outside of [mask_ratio_min, 1], by quantiles (probability, rate) and moments. */
interface MaskRatioTable {
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
function checkMaskRatio({ mask_ratio_min: least, quantiles, mean, std, loc, scale }: MaskRatioTable): Verdict[] {
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
