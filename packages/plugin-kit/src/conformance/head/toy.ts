import type { Tensor } from '@tensorflow/tfjs';
import type { Space } from '@tessera/core';
import { keyedRng, tensorFrom } from '@tessera/engine';
import { numbersOf } from '../bench.ts';
import { judged, levelChances } from './book.ts';

/*
 * A toy problem that every head can learn: a hidden state of one of six kinds says where its tokens lie. Values are
 * normal around the kind's centre, all with the same deviation: then guidance u + w (c - u) moves the centre exactly as
 * it says, whether a head mixes means, noise, velocities or scores. Codes follow a few probabilities, in another order
 * for each kind: guidance of their logarithms makes them proportional to u^(1 - w) c^w.
 */

export const KINDS = 6;
/** Of values around their centre. With centres of deviation 0.8, values have one of about 1. */
export const DEVIATION = 0.6;
const CENTRES = 0.8;
const PROBABILITIES = [0.4, 0.25, 0.2, 0.1, 0.05];
/** Taught tokens of a kind: all probabilities divide it into whole tokens. */
const EACH = 80;
/** Images of the batch that is taught. */
const ROWS = 20;

/** What is taught of each kind. */
export interface Toy {
  readonly width: number;
  readonly channels: number;
  /** [KINDS, D]. */
  readonly hidden_KD: Float32Array;
  /** Of values, [KINDS, C]; of heads that predict indices, nothing. */
  readonly centre_KC: Float32Array | null;
  /** Of codes (see `book.ts`), [KINDS, V]. */
  readonly chance_KV: Float32Array | null;
}

interface ToySpec {
  readonly space: Space;
  readonly width: number;
  /** Whether the head predicts codes. */
  readonly codes: boolean;
  readonly seed: number;
}

export function toyOf({ space, width, codes, seed }: ToySpec): Toy {
  const centre = () => numbersOf('toy.centre', KINDS * space.channels, seed).map((value) => value * CENTRES);
  return {
    width,
    channels: space.channels,
    hidden_KD: numbersOf('toy.hidden', KINDS * width, seed),
    centre_KC: codes ? null : centre(),
    chance_KV: codes && space.kind !== 'continuous' ? chancesOf(space, seed) : null,
  };
}

function chancesOf(space: Exclude<Space, { kind: 'continuous' }>, seed: number): Float32Array {
  return space.kind === 'discrete' ? chances(space.vocabulary, seed) : factorChances(judged(space), seed);
}

/** Products of the chances of each factor's levels, which come in an order of their own for every kind. */
function factorChances(sizes: readonly number[], seed: number): Float32Array {
  const kinds = Array.from({ length: KINDS }, (_, kind) => {
    let product = [1];
    for (const [f, size] of sizes.entries()) {
      const own = levelChances(size);
      const places = shuffled(size, 1000 * (f + 1) + KINDS * seed + kind);
      product = places.flatMap((place) => product.map((one) => one * own[place]!));
    }
    return product;
  });
  return Float32Array.from(kinds.flat());
}

/** Few codes have all the probability, spread over the vocabulary. */
function chances(V: number, seed: number): Float32Array {
  const used = PROBABILITIES.slice(0, V);
  const sum = used.reduce((total, one) => total + one, 0);
  const chance_KV = new Float32Array(KINDS * V);
  for (let kind = 0; kind < KINDS; kind++) {
    for (const [i, place] of shuffled(used.length, KINDS * seed + kind).entries())
      chance_KV[kind * V + Math.floor((place * V) / used.length)] = used[i]! / sum;
  }
  return chance_KV;
}

function shuffled(count: number, seed: number): number[] {
  const keys = keyedRng([seed]).uniform({ row: 0, stream: 'toy.shuffle', step: 0, position: 0 }, count);
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
}

/** Hidden states of these kinds, [kinds, D]. */
export function hiddenOf({ hidden_KD, width }: Toy, kinds: readonly number[]): Float32Array {
  const out = new Float32Array(kinds.length * width);
  for (const [i, kind] of kinds.entries()) out.set(hidden_KD.subarray(kind * width, (kind + 1) * width), i * width);
  return out;
}

/** One batch whose tokens have exactly the taught frequencies, or means and deviations. The caller disposes it. */
export function toyBatch(toy: Toy, seed: number): Record<string, Tensor> {
  const places = shuffled(KINDS * EACH, seed);
  const shape = [ROWS, places.length / ROWS];
  const C = toy.channels;
  const kinds = places.map((at) => Math.floor(at / EACH));
  const hidden_BlD = tensorFrom(hiddenOf(toy, kinds), [...shape, toy.width]);
  if (toy.chance_KV) {
    const index = codesOf(toy.chance_KV);
    const index_Bl = tensorFrom(
      Int32Array.from(places, (at) => index[at]!),
      shape,
      'int32',
    );
    return { hidden_BlD, index_Bl };
  }
  const values = toyValues(toy, seed);
  const moved = Float32Array.from(places.flatMap((at) => [...values.subarray(at * C, (at + 1) * C)]));
  return { hidden_BlD, values_BlC: tensorFrom(moved, [...shape, C]) };
}

/** Kind after kind, EACH of every one; where the shares do not divide it (few codes), the last code fills up. */
function codesOf(chance_KV: Float32Array): number[] {
  const V = chance_KV.length / KINDS;
  return Array.from({ length: KINDS }, (_, kind) => {
    const own = [...chance_KV.subarray(kind * V, (kind + 1) * V)];
    const codes = own.flatMap((share, v) => Array.from({ length: Math.round(share * EACH) }, () => v));
    return Array.from({ length: EACH }, (_, i) => codes[Math.min(i, codes.length - 1)]!);
  }).flat();
}

/** Evenly spread quantiles, in an order of their own for every kind and channel. */
function toyValues({ centre_KC, channels: C }: Toy, seed: number): Float32Array {
  const quantiles = normalQuantiles(EACH);
  const values = new Float32Array(KINDS * EACH * C);
  for (const [at, centre] of centre_KC!.entries()) {
    const [kind, c] = [Math.floor(at / C), at % C];
    for (const [i, place] of shuffled(EACH, (seed + 1) * 100_000 + at).entries())
      values[(kind * EACH + i) * C + c] = centre + DEVIATION * quantiles[place]!;
  }
  return values;
}

/** Evenly spread quantiles of the normal distribution, ascending, of mean 0 and deviation 1. */
function normalQuantiles(count: number): number[] {
  const raw = Array.from({ length: count }, (_, i) => quantile((i + 0.5) / count));
  const size = Math.sqrt(raw.reduce((sum, one) => sum + one * one, 0) / count);
  return raw.map((one) => one / size);
}

/** The inverse of the distribution function, by bisection. */
function quantile(share: number): number {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (shareBelow(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Share of the standard normal distribution below x (Marsaglia 2004, its Taylor series). */
function shareBelow(x: number): number {
  let [sum, term] = [x, x];
  for (let i = 3; i < 120; i += 2) sum += term *= (x * x) / i;
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
}
