import { rootMeanSquare } from '../compare.ts';
import { logarithms } from './likeness.ts';
import { KINDS } from './toy.ts';
import { drawKinds, kindAt, type TrainedHead } from './trained-head.ts';

/** By how much confidence may rise with the logarithm of the probability. */
const RISE = [0.5, 2] as const;

/** Confidence that does not tell likely tokens from unlikely ones, or null. */
export async function unsure(trained: TrainedHead): Promise<string | null> {
  const { toy } = trained;
  const { confidence, index, values } = await drawKinds(trained);
  if (!confidence) return 'no confidence_Bl';
  const known = index && toy.chance_KV ? logarithms(toy.chance_KV) : null;
  const due = Array.from(confidence, (_, i) => {
    const kind = kindAt(i % KINDS);
    if (known) return known[kind * (known.length / KINDS) + index![i]!]!;
    const own = values.subarray(i * toy.channels, (i + 1) * toy.channels);
    return -own.reduce((sum, value, c) => sum + (value - (toy.centre_KC?.[kind * toy.channels + c] ?? 0)) ** 2, 0);
  });
  const share = correlation(confidence, due);
  if (!(share > 0.5)) return `confidence that goes with the tokens' likelihood by ${show(share)} (0.5 at least)`;
  if (!known) return null;
  const rise = (share * deviationOf(confidence)) / deviationOf(due);
  return rise >= RISE[0] && rise <= RISE[1]
    ? null
    : `confidence that rises by ${show(rise)} where the logarithm of the probability rises by 1 (${RISE.join(' to ')}): confidence_Bl is such a logarithm`;
}

function deviationOf(values: ArrayLike<number>): number {
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  return rootMeanSquare(Array.from(values, (value) => value - mean));
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const centred = (values: ArrayLike<number>): number[] => {
    const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
    return Array.from(values, (value) => value - mean);
  };
  const [x, y] = [centred(a), centred(b)];
  const size = rootMeanSquare(x) * rootMeanSquare(y) * x.length;
  return size === 0 ? 0 : x.reduce((sum, value, i) => sum + value * y[i]!, 0) / size;
}

const show = (value: number): string => String(Number(value.toPrecision(2)));
