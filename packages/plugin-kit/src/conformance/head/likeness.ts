import { keyedRng, type SampleRng } from '@tessera/engine';
import {
  rootMeanSquare,
  sharedBetween,
  sharedByPlaces,
  sharedByRows,
  sharedWithin,
  type Residuals,
} from '../compare.ts';
import { draw, drawKinds, IMAGES, kindAt, nullAt, type Drawn, type TrainedHead } from './trained-head.ts';
import { codesIn } from './book.ts';
import { DEVIATION, hiddenOf, KINDS } from './toy.ts';

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
/** Of codes, where mixed probabilities differ much from mixed logarithms. */
const STRONG = [[4, 1.2]] as const;

/** How tokens differ from the training distribution, or null. */
export async function unlike(trained: TrainedHead): Promise<string | null> {
  const drawn = await drawKinds(trained);
  return trained.toy.chance_KV ? unlikeCodes(trained, drawn) : unlikeValues(trained, drawn);
}

function unlikeValues({ toy: { centre_KC, channels: C } }: TrainedHead, drawn: Drawn): string | null {
  const mean_KC = meansOf(drawn, C);
  const off = rootMeanSquare(mean_KC.map((mean, i) => mean - centre_KC![i]!));
  if (!(off <= OFF)) return `tokens whose means are ${show(off)} off those that were taught (${OFF} at most)`;
  const spreads = spreadsOf(drawn, mean_KC).map((spread) => spread / DEVIATION);
  const wrong = spreads.find((spread) => !(spread >= SPREAD[0] && spread <= SPREAD[1]));
  if (wrong === undefined) return null;
  return `tokens that vary ${show(wrong)} times as much as those that were taught (${SPREAD.join(' to ')})`;
}

function unlikeCodes({ toy: { chance_KV }, space }: TrainedHead, drawn: Drawn): string | null {
  if (!drawn.index) return 'no index_Bl of tokens that are codes';
  const share_KV = sharesOf(drawn.index, codesIn(space));
  const off = share_KV.reduce((sum, share, i) => sum + Math.abs(share - chance_KV![i]!), 0) / (2 * KINDS);
  if (!(off <= MISPLACED)) return `${show(100 * off)}% of the codes other than taught (${100 * MISPLACED}% at most)`;
  const sharp = tiltOf({ base: chance_KV!.map(Math.sign), lean: logarithms(chance_KV!) }, share_KV);
  if (sharp >= SHARPNESS[0] && sharp <= SHARPNESS[1]) return null;
  return `codes drawn by p^${show(sharp)}, p being what was taught (${SHARPNESS.join(' to ')})`;
}

/** How guidance differs from u + w (c - u), or null. */
export async function mispulled(trained: TrainedHead): Promise<string | null> {
  for (const [weight, tolerance] of [...PULLS, ...(trained.toy.chance_KV ? STRONG : [])]) {
    const drawn = await drawKinds(trained, { guided: true, weight });
    const seen = trained.toy.chance_KV ? pullOnCodes(trained, drawn) : pullOnValues(trained, drawn);
    if (!(Math.abs(seen - weight) <= tolerance))
      return `tokens as of the weight ${show(seen)} at guidance of the weight ${weight} (${tolerance} off at most)`;
    const off = trained.toy.chance_KV ? offMixture(trained, drawn, weight) : 0;
    if (!(off <= MISPLACED))
      return `${show(100 * off)}% of the codes other than u^(1 - w) c^w has them at guidance of the weight ${weight} (${100 * MISPLACED}% at most): mix logits, before the softmax`;
  }
  return null;
}

/** How far means went from the null class to the class. */
function pullOnValues({ toy: { centre_KC, channels: C } }: TrainedHead, drawn: Drawn): number {
  let [along, whole] = [0, 0];
  for (const [i, mean] of meansOf(drawn, C).entries()) {
    const [place, c] = [Math.floor(i / C), i % C];
    const [class_, null_] = [centre_KC![kindAt(place) * C + c]!, centre_KC![nullAt(place) * C + c]!];
    along += (mean - null_) * (class_ - null_);
    whole += (class_ - null_) ** 2;
  }
  return along / whole;
}

function pullOnCodes({ toy: { chance_KV }, space }: TrainedHead, { index }: Drawn): number {
  if (!index) return NaN;
  const V = codesIn(space);
  const base = chance_KV!.map((_, i) => chance_KV![nullAt(Math.floor(i / V)) * V + (i % V)]!);
  const [class_, null_] = [logarithms(chance_KV!), logarithms(base)];
  return tiltOf({ base, lean: class_.map((one, i) => one - null_[i]!) }, sharesOf(index, V));
}

/** The share of codes that would have to be others for u^(1 - w) c^w, u and c being what was taught. */
function offMixture({ toy: { chance_KV }, space }: TrainedHead, { index }: Drawn, weight: number): number {
  const V = codesIn(space);
  const mixed_KV = chance_KV!.map((class_, i) => {
    const null_ = chance_KV![nullAt(Math.floor(i / V)) * V + (i % V)]!;
    return class_ === 0 || null_ === 0 ? 0 : null_ ** (1 - weight) * class_ ** weight;
  });
  const sums = Array.from({ length: KINDS }, (_, kind) =>
    mixed_KV.subarray(kind * V, (kind + 1) * V).reduce((sum, one) => sum + one, 0),
  );
  const share_KV = sharesOf(index!, V);
  return (
    mixed_KV.reduce((sum, one, i) => sum + Math.abs(one / sums[Math.floor(i / V)]! - share_KV[i]!), 0) / (2 * KINDS)
  );
}

/** Deviation of values; of codes, of how many alike ones two of a kind would be equal as often. */
export function varietyOf({ space, toy: { channels } }: TrainedHead, drawn: Drawn): number {
  if (!drawn.index) return rootMeanSquare(spreadsOf(drawn, meansOf(drawn, channels)));
  return KINDS / sharesOf(drawn.index, codesIn(space)).reduce((sum, share) => sum + share * share, 0);
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
export function sharesOf(index: Int32Array, V: number): Float32Array {
  const share = new Float32Array(KINDS * V);
  for (const [i, v] of index.entries()) share[(i % KINDS) * V + v]! += 1 / IMAGES;
  return share;
}

/** The logarithm of a probability of zero: large, but finite in sums. */
export const logarithms = (shares: Float32Array): Float32Array =>
  shares.map((share) => Math.log(Math.max(share, 1e-3)));

export const show = (value: number): string => String(Number(value.toPrecision(2)));

/**
 * Distributions proportional to `base exp(t lean)`, one for each kind: guidance leans towards the class by its weight t,
 * and a temperature of 1 / t leans towards what is likely. Codes that were not taught have base 0 and are left out.
 */
interface Family {
  /** [KINDS, V]. */
  readonly base: Float32Array;
  readonly lean: Float32Array;
}

/** The t under which drawn codes are the likeliest: by bisection of the mean lean, which grows with t. */
export function tiltOf(family: Family, share_KV: Float32Array): number {
  const { base, lean } = family;
  const V = base.length / KINDS;
  const drawn = share_KV.map((share, i) => (base[i] === 0 ? 0 : share));
  const sums = Array.from({ length: KINDS }, (_, kind) =>
    drawn.subarray(kind * V, (kind + 1) * V).reduce((sum, share) => sum + share, 0),
  );
  const seen = drawn.reduce((sum, share, i) => sum + share * lean[i]!, 0);
  let [low, high] = [-20, 20];
  for (let i = 0; i < 40; i++) {
    const t = (low + high) / 2;
    const due = sums.reduce((sum, weight, kind) => sum + weight * meanLean(family, kind, t), 0);
    if (due < seen) low = t;
    else high = t;
  }
  return (low + high) / 2;
}

function meanLean({ base, lean }: Family, kind: number, t: number): number {
  const V = base.length / KINDS;
  let [total, sum] = [0, 0];
  for (let i = kind * V; i < (kind + 1) * V; i++) {
    if (base[i] === 0) continue;
    const weight = base[i]! * Math.exp(t * lean[i]!);
    total += weight;
    sum += weight * lean[i]!;
  }
  return sum / total;
}

/** Places of an image, all with the same hidden state: what differs between their tokens is chance. */
const PLACES = [0, 0, 0, 0];

/** What rows, positions, steps or the numbers of a token share of their random numbers, or null. */
export async function sharesNoise(trained: TrainedHead): Promise<string | null> {
  const twice: string[] = [];
  const steps: Residuals[] = [];
  for (const step of [0, 1]) steps.push(residualsOf(trained, await drawAlike(trained, step, twice)));
  const [first, second] = steps as [Residuals, Residuals];
  const within = trained.toy.chance_KV ? null : sharedWithin(first);
  const between = sharedBetween(first, second);
  return (
    sharedByRows(first) ??
    sharedByPlaces(first) ??
    (between && `steps whose random numbers are ${between} alike`) ??
    (within && `numbers of a token whose random numbers are ${within} alike`) ??
    (twice.length > 0 ? `random numbers drawn twice for one key, ${twice[0]}` : null)
  );
}

function drawAlike(trained: TrainedHead, step: number, twice: string[]): Promise<Drawn> {
  const { toy, trial } = trained;
  const seeds = Array.from({ length: IMAGES }, (_, row) => 5000 * trial.seed + row);
  return draw(trained, { seeds, hidden: hiddenOf(toy, PLACES), step, rng: watched(keyedRng(seeds), twice) });
}

/** The same random numbers; keys that come again are noted. */
function watched(rng: SampleRng, twice: string[]): SampleRng {
  const seen = new Set<string>();
  const note = ({ row, stream, step, position }: Parameters<SampleRng['normal']>[0]): void => {
    const key = `row ${row}, stream ${stream}, step ${step}, position ${position}`;
    if (seen.has(key)) twice.push(key);
    seen.add(key);
  };
  return {
    uniform: (key, count) => (note(key), rng.uniform(key, count)),
    normal: (key, count) => (note(key), rng.normal(key, count)),
    exponential: (key, count, index) => (note(key), rng.exponential(key, count, index)),
  };
}

/** Values without their mean; of codes, one number each, 1 where it was drawn, without its frequency. */
function residualsOf({ space, toy: { channels, chance_KV } }: TrainedHead, { values, index }: Drawn): Residuals {
  const layout = { rows: IMAGES, places: PLACES.length };
  const codes = chance_KV && index;
  const features = codes ? codesIn(space) : channels;
  const raw = codes ? oneHot(index, features) : values;
  const mean = new Float32Array(features);
  for (const [i, value] of raw.entries()) mean[i % features]! += (value * features) / raw.length;
  return { ...layout, features, values: raw.map((value, i) => value - mean[i % features]!) };
}

function oneHot(index: Int32Array, V: number): Float32Array {
  const hot = new Float32Array(index.length * V);
  for (const [i, v] of index.entries()) hot[i * V + v] = 1;
  return hot;
}
