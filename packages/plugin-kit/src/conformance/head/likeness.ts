import type { Drawn } from './opened-head.ts';
import { rootMeanSquare } from '../compare.ts';
import { drawKinds, IMAGES, kindAt, nullAt, type TaughtHead } from './taught-head.ts';
import { tiltOf } from './tilt.ts';
import { DEVIATION, KINDS } from './toy.ts';

/*
 * What samples show of the toy. Bounds are wide for heads that are small and learn for a second: those of Tessera stray
 * by a third of them. By chance alone a sound head would have to stray by more than six deviations, 1536 draws behind
 * each number: less than once in 10^8 runs.
 */

/** Means may be this far from what was taught, whose centres lie 0.8 apart from 0. */
const OFF = 0.25;
/** Deviations may be so many times the taught one. */
const SPREAD = [0.7, 1.45] as const;
/** Codes may be so far from the taught frequencies, as the share that would have to be others. */
const MISPLACED = 0.2;
/** How sharp the distribution of codes may be: p^t instead of p. */
const SHARPNESS = [0.65, 1.5] as const;
/** Of the weight that samples show, at the weights of guidance that are tried. */
const PULLS = [
  [0, 0.2],
  [0.5, 0.2],
  [2, 0.4],
] as const;
/** From one temperature to twice as much, tokens vary more by this factor at least. */
const WARMER = 1.05;

/** How tokens differ from what was taught, or null. */
export async function unlike(taught: TaughtHead): Promise<string | null> {
  const drawn = await drawKinds(taught);
  return taught.toy.chance_KV ? unlikeCodes(taught, drawn) : unlikeValues(taught, drawn);
}

function unlikeValues({ toy: { centre_KC, channels: C } }: TaughtHead, drawn: Drawn): string | null {
  const mean_KC = meansOf(drawn, C);
  const off = rootMeanSquare(mean_KC.map((mean, i) => mean - centre_KC![i]!));
  if (!(off <= OFF)) return `tokens whose means are ${show(off)} off those that were taught (${OFF} at most)`;
  const spreads = spreadsOf(drawn, mean_KC).map((spread) => spread / DEVIATION);
  const wrong = spreads.find((spread) => !(spread >= SPREAD[0] && spread <= SPREAD[1]));
  if (wrong === undefined) return null;
  return `tokens that vary ${show(wrong)} times as much as those that were taught (${SPREAD.join(' to ')})`;
}

function unlikeCodes({ toy: { chance_KV }, space }: TaughtHead, drawn: Drawn): string | null {
  if (!drawn.index) return 'no index_Bl of tokens that are codes';
  const share_KV = sharesOf(drawn.index, space.kind === 'discrete' ? space.vocabulary : 0);
  const off = share_KV.reduce((sum, share, i) => sum + Math.abs(share - chance_KV![i]!), 0) / (2 * KINDS);
  if (!(off <= MISPLACED)) return `${show(100 * off)}% of the codes other than taught (${100 * MISPLACED}% at most)`;
  const sharp = tiltOf({ base: chance_KV!.map(Math.sign), lean: logarithms(chance_KV!) }, share_KV);
  if (sharp >= SHARPNESS[0] && sharp <= SHARPNESS[1]) return null;
  return `codes drawn by p^${show(sharp)}, p being what was taught (${SHARPNESS.join(' to ')})`;
}

/** Where guidance pulls otherwise than it says, or null. */
export async function mispulled(taught: TaughtHead): Promise<string | null> {
  for (const [weight, tolerance] of PULLS) {
    const drawn = await drawKinds(taught, { guided: true, weight });
    const seen = taught.toy.chance_KV ? pullOnCodes(taught, drawn) : pullOnValues(taught, drawn);
    if (!(Math.abs(seen - weight) <= tolerance))
      return `tokens as of the weight ${show(seen)} at guidance of the weight ${weight} (${tolerance} off at most)`;
  }
  return null;
}

/** How far means went from the null class to the class. */
function pullOnValues({ toy: { centre_KC, channels: C } }: TaughtHead, drawn: Drawn): number {
  let [along, whole] = [0, 0];
  for (const [i, mean] of meansOf(drawn, C).entries()) {
    const [place, c] = [Math.floor(i / C), i % C];
    const [class_, null_] = [centre_KC![kindAt(place) * C + c]!, centre_KC![nullAt(place) * C + c]!];
    along += (mean - null_) * (class_ - null_);
    whole += (class_ - null_) ** 2;
  }
  return along / whole;
}

function pullOnCodes({ toy: { chance_KV }, space }: TaughtHead, { index }: Drawn): number {
  if (!index) return NaN;
  const V = space.kind === 'discrete' ? space.vocabulary : 0;
  const base = chance_KV!.map((_, i) => chance_KV![nullAt(Math.floor(i / V)) * V + (i % V)]!);
  const [class_, null_] = [logarithms(chance_KV!), logarithms(base)];
  return tiltOf({ base, lean: class_.map((one, i) => one - null_[i]!) }, sharesOf(index, V));
}

/** What an option called temperature does otherwise than its name says, or null. */
export async function unheated(taught: TaughtHead): Promise<string | null> {
  const { plugin, trial, space } = taught;
  const schema = plugin.options(space);
  const { default: usual, minimum = 0, maximum = Infinity } = schema.json.properties!['temperature']!;
  const middle = typeof usual === 'number' && usual > 0 ? usual : 1;
  const temperatures = [middle / 2, middle, 2 * middle].filter((one) => one >= minimum && one <= maximum);
  let before: number | null = null;
  for (const temperature of temperatures) {
    const options = schema.parse({ ...trial.options, temperature }, plugin.name);
    const spread = varietyOf(taught, await drawKinds(taught, { options }));
    if (before !== null && !(spread > WARMER * before))
      return `tokens that vary by ${show(spread)} at the temperature ${temperature} and ${show(before)} at half of it`;
    before = spread;
  }
  return null;
}

/** Deviation of values; of codes, the chance that two of a kind differ. */
function varietyOf({ space, toy: { channels } }: TaughtHead, drawn: Drawn): number {
  if (!drawn.index || space.kind === 'continuous') return rootMeanSquare(spreadsOf(drawn, meansOf(drawn, channels)));
  return 1 - sharesOf(drawn.index, space.vocabulary).reduce((sum, share) => sum + share * share, 0) / KINDS;
}

/** Confidence that says nothing of the tokens that it comes with, or null. */
export async function unsure(taught: TaughtHead): Promise<string | null> {
  const { toy } = taught;
  const { confidence, index, values } = await drawKinds(taught);
  if (!confidence) return 'no confidence_Bl';
  const known = index && toy.chance_KV ? logarithms(toy.chance_KV) : null;
  const due = Array.from(confidence, (_, i) => {
    const kind = kindAt(i % KINDS);
    if (known) return known[kind * (known.length / KINDS) + index![i]!]!;
    const own = values.subarray(i * toy.channels, (i + 1) * toy.channels);
    return -own.reduce((sum, value, c) => sum + (value - (toy.centre_KC?.[kind * toy.channels + c] ?? 0)) ** 2, 0);
  });
  const share = correlation(confidence, due);
  return share > 0.5 ? null : `confidence that goes with the tokens' likelihood by ${show(share)} (0.5 at least)`;
}

/** [places, C], over images. */
function meansOf({ values }: Drawn, C: number): Float32Array {
  const mean = new Float32Array(KINDS * C);
  for (const [i, value] of values.entries()) mean[i % mean.length]! += value / IMAGES;
  return mean;
}

/** Deviation of each channel around the means of its places. */
function spreadsOf({ values }: Drawn, mean_KC: Float32Array): number[] {
  const C = mean_KC.length / KINDS;
  return Array.from({ length: C }, (_, c) =>
    rootMeanSquare(values.filter((_, i) => i % C === c).map((value, i) => value - mean_KC[(i % KINDS) * C + c]!)),
  );
}

/** [places, V], over images. */
function sharesOf(index: Int32Array, V: number): Float32Array {
  const share = new Float32Array(KINDS * V);
  for (const [i, v] of index.entries()) share[(i % KINDS) * V + v]! += 1 / IMAGES;
  return share;
}

/** Of what cannot happen: a number that no sum minds. */
const logarithms = (shares: Float32Array): Float32Array => shares.map((share) => Math.log(Math.max(share, 1e-3)));

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
