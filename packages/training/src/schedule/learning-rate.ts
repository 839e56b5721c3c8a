import { TesseraError } from '@tessera/errors';
import { roundHalfEven } from '@tessera/core';

/**
 * How the learning rate runs over a training (VAR, trainer of arXiv 2404.02905): a linear warm-up from
 * `startFactor * peak`, then one of these shapes down to `endFactor * peak`.
 * - `cos`: half a cosine.
 * - `lin`, `lin0`: constant for 15% or 5% of what follows warm-up, then a line; `lin00`: a line at once.
 * - `lin0.4` and the like: two lines that meet at the given share (progressive training).
 * - `exp`: constant for 15%, then exponential.
 */
export interface LearningRate {
  readonly shape: string;
  readonly peak: number;
  /** Steps of warm-up; rounded half to even. */
  readonly warmup: number;
  /** Steps of the whole training. */
  readonly steps: number;
  readonly startFactor: number;
  readonly endFactor: number;
}

const PLATEAU: Readonly<Record<string, number>> = { lin: 0.15, lin0: 0.05, lin00: 0 };

/** The learning rate of step `it`, counted from 0. @throws TesseraError `schedule-unknown` */
export function learningRate(it: number, { shape, peak, warmup, steps, startFactor, endFactor }: LearningRate): number {
  const warm = roundHalfEven(warmup);
  if (it < warm) return peak * (startFactor + ((1 - startFactor) * it) / warm);
  const share = Math.min(1, Math.max(0, (it - warm) / Math.max(1, steps - 1 - warm)));
  return peak * factor(shape, share, endFactor);
}

function factor(shape: string, share: number, end: number): number {
  if (shape === 'cos') return end + (1 - end) * (0.5 + 0.5 * Math.cos(Math.PI * share));
  if (shape === 'exp') return share < 0.15 ? 1 : end ** ((share - 0.15) / 0.85);
  const plateau = PLATEAU[shape];
  if (plateau !== undefined) return share < plateau ? 1 : end + ((1 - end) * (1 - share)) / (1 - plateau);
  return twoLines(shape, share, end);
}

/** From 1 to the middle of what one line would have given, then from there to the end. */
function twoLines(shape: string, share: number, end: number): number {
  const bend = lineBend(shape);
  if (bend === null) throw unknownShape(shape);
  const middle = (1 + end + (1 - end) * (1 - bend)) / 2;
  return share < bend ? 1 + ((middle - 1) * share) / bend : end + ((middle - end) * (1 - share)) / (1 - bend);
}

function lineBend(shape: string): number | null {
  const bend = /^lin(\d*\.?\d+)$/.exec(shape)?.[1];
  const value = Number(bend);
  return bend !== undefined && value > 0 && value < 1 ? value : null;
}

/** Whether `learningRate` knows this shape. */
export function isLearningRateShape(shape: string): boolean {
  return shape === 'cos' || shape === 'exp' || shape in PLATEAU || lineBend(shape) !== null;
}

function unknownShape(shape: string): TesseraError {
  const expected = 'cos, lin, lin0, lin00, exp, or lin with a share as in lin0.4';
  return new TesseraError({ code: 'schedule-unknown', who: 'training', got: `the schedule "${shape}"`, expected });
}
