import { TesseraError } from '@tessera/errors';
import { keyedRng } from '@tessera/engine';

/** A measured loss of a model of some size, or of some compute. */
export interface ScalePoint {
  /** Parameters or operations, above 0. */
  readonly x: number;
  /** Above 0. */
  readonly loss: number;
}

/** `loss = offset + factor x^-exponent`. */
export interface PowerLaw {
  /** The loss that no size gets below: 0 or more. */
  readonly offset: number;
  readonly factor: number;
  readonly exponent: number;
}

/** From the lower to the upper end of 95%. */
type Range = readonly [low: number, high: number];

export interface ScalingFit {
  readonly law: PowerLaw;
  readonly interval: { readonly [K in keyof PowerLaw]: Range };
  /** Of `log(loss - offset)` and `log x`: -1 for points exactly on the law. */
  readonly correlation: number;
  /** Root of the mean squared relative error. */
  readonly error: number;
}

const [RESAMPLES, SEED] = [1000, 1];
const PARAMETERS = 3;

/**
 * Fits a power law with an offset by least relative squares, as published laws of losses have one (Henighan et al. 2020; Tian et al.
 * 2024, figure 5, without an offset). The interval is that of a bootstrap of the relative residuals.
 * @throws TesseraError `too-few-points` for fewer than four different sizes: three parameters fit any three points
 */
export function fitPowerLaw(points: readonly ScalePoint[]): ScalingFit {
  const sizes = new Set(points.map(({ x }) => x)).size;
  if (sizes <= PARAMETERS) {
    throw new TesseraError({
      code: 'too-few-points',
      who: 'fitPowerLaw',
      got: `${sizes} different sizes`,
      expected: `more than ${PARAMETERS}, since offset, factor and exponent fit any ${PARAMETERS}`,
      next: 'Train more sizes.',
    });
  }
  const law = leastSquares(points);
  const residuals = points.map((point) => point.loss / predict(law, point.x) - 1);
  return {
    law,
    interval: bootstrap(points, law, residuals),
    correlation: correlation(points.map(({ x, loss }) => [Math.log(x), Math.log(Math.max(loss - law.offset, 1e-12))])),
    error: Math.sqrt(meanSquare(residuals)),
  };
}

/** The loss of a size by a law. */
export function predict({ offset, factor, exponent }: PowerLaw, x: number): number {
  return offset + factor * x ** -exponent;
}

/** Exponents that are tried: from nearly none to steeper than any that was published. */
const [LEAST, MOST, STEPS] = [0.01, 3, 60];

/** For a fixed exponent the rest is linear, so only one number is searched: on a grid, then between its neighbours. */
function leastSquares(points: readonly ScalePoint[]): PowerLaw {
  const ratio = (MOST / LEAST) ** (1 / STEPS);
  const grid = Array.from({ length: STEPS + 1 }, (_, i) => LEAST * ratio ** i);
  const best = grid.reduce((a, b) => (linearFit(points, b).error < linearFit(points, a).error ? b : a));
  let [low, high] = [best / ratio, best * ratio];
  for (let step = 0; step < STEPS; step++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (linearFit(points, a).error < linearFit(points, b).error) high = b;
    else low = a;
  }
  return linearFit(points, (low + high) / 2).law;
}

/** Offset and factor for an exponent, neither negative, and the sum of squared relative errors. */
function linearFit(
  points: readonly ScalePoint[],
  exponent: number,
): { readonly law: PowerLaw; readonly error: number } {
  // Around the middle size, or powers of sizes like 1e7 would lose all digits.
  const middle = Math.exp(mean(points.map(({ x }) => Math.log(x))));
  const rows = points.map(({ x, loss }) => [1 / loss, (x / middle) ** -exponent / loss] as const);
  const dot = (i: 0 | 1, j: 0 | 1): number => rows.reduce((sum, row) => sum + row[i] * row[j], 0);
  const [ones, of] = [dot(0, 0), dot(1, 1)];
  const both = dot(0, 1);
  const [sumOnes, sumOf] = ([0, 1] as const).map((i) => rows.reduce((sum, row) => sum + row[i], 0));
  const determinant = ones * of - both * both;
  let [offset, scale] = [
    (sumOnes! * of - sumOf! * both) / determinant,
    (sumOf! * ones - sumOnes! * both) / determinant,
  ];
  if (!(offset >= 0)) [offset, scale] = [0, sumOf! / of];
  if (!(scale >= 0)) [offset, scale] = [sumOnes! / ones, 0];
  const error = rows.reduce((sum, [one, power]) => sum + (offset * one + scale * power - 1) ** 2, 0);
  return { law: { offset, factor: scale * middle ** exponent, exponent }, error };
}

function bootstrap(points: readonly ScalePoint[], law: PowerLaw, residuals: readonly number[]): ScalingFit['interval'] {
  const count = points.length;
  // A fit of three parameters makes residuals too small.
  const wider = Math.sqrt(count / Math.max(1, count - PARAMETERS));
  const draws = keyedRng([SEED]).uniform({ row: 0, stream: 'bootstrap', step: 0, position: 0 }, RESAMPLES * count);
  const laws = Array.from({ length: RESAMPLES }, (_, resample) =>
    leastSquares(
      points.map(({ x }, i) => {
        const drawn = residuals[Math.min(count - 1, Math.floor(draws[resample * count + i]! * count))]!;
        return { x, loss: predict(law, x) * (1 + wider * drawn) };
      }),
    ),
  );
  const range = (name: keyof PowerLaw): Range => {
    const sorted = laws.map((one) => one[name]).sort((a, b) => a - b);
    return [sorted[Math.floor(0.025 * RESAMPLES)]!, sorted[Math.ceil(0.975 * RESAMPLES) - 1]!];
  };
  return { offset: range('offset'), factor: range('factor'), exponent: range('exponent') };
}

function correlation(pairs: readonly (readonly [number, number])[]): number {
  const [mx, my] = [mean(pairs.map(([x]) => x)), mean(pairs.map(([, y]) => y))];
  const of = (f: (dx: number, dy: number) => number): number => mean(pairs.map(([x, y]) => f(x - mx, y - my)));
  return of((dx, dy) => dx * dy) / Math.sqrt(of((dx) => dx * dx) * of((_, dy) => dy * dy));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function meanSquare(values: readonly number[]): number {
  return mean(values.map((value) => value * value));
}
