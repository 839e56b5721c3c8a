import type { Described, SampleContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import { tokenKey } from '@tessera/head-kit';
import { filterLogits, largestOf, type Filter } from './filter.ts';

/** What a request chooses. */
interface SamplingOptions extends Filter {
  /** Blend codebook entries by Gumbel weights instead of taking one: prettier, less diverse. */
  readonly smooth: boolean;
}

/** Logits of one step with the codebook they score. */
interface Scores {
  /** B times l rows of V numbers; they are overwritten. */
  readonly logits_BlV: Float32Array;
  readonly codebook_VC: Float32Array;
  /** V. */
  readonly vocabulary: number;
  readonly positions_Bl: Int32Array;
}

export interface DrawnTokens {
  readonly values_BlC: Float32Array;
  readonly index_Bl: Int32Array;
  /** Log-probability of each drawn index under the softmax before any filter (MaskGIT, arXiv 2202.04200, section 3.2). */
  readonly confidence_Bl: Float32Array;
}

/**
 * Draws every token of a step, each with numbers of its own: streams `token` and, when smoothing, `gumbel`, keyed by row,
 * step and position. A smoothed token has an index too, but not the values of that entry.
 * @throws TesseraError `logits-not-finite`
 */
export function drawTokens(scores: Scores, context: SampleContext<SamplingOptions>): DrawnTokens {
  const { logits_BlV, codebook_VC, vocabulary, positions_Bl } = scores;
  const { step, rng, options } = context;
  const channels = codebook_VC.length / vocabulary;
  const progress = step.index / Math.max(1, step.of - 1);
  const values_BlC = new Float32Array(positions_Bl.length * channels);
  const index_Bl = new Int32Array(positions_Bl.length);
  const confidence_Bl = new Float32Array(positions_Bl.length);
  const scratch_V = new Float32Array(vocabulary);
  const kept_V = new Int32Array(vocabulary);
  for (let token = 0; token < positions_Bl.length; token++) {
    const logits_V = logits_BlV.subarray(token * vocabulary, (token + 1) * vocabulary);
    checkFinite(logits_V, token);
    const normaliser = logNormaliser(logits_V);
    filterLogits(logits_V, options, scratch_V);
    const key = tokenKey(token, positions_Bl, context);
    const kept = indexOfKept(logits_V, kept_V);
    const index = drawIndex(logits_V, rng.exponential({ ...key, stream: 'token' }, vocabulary, kept));
    index_Bl[token] = index;
    confidence_Bl[token] = logits_V[index]! - normaliser;
    const token_C = values_BlC.subarray(token * channels, (token + 1) * channels);
    if (options.smooth) {
      smoothWeights(logits_V, rng.exponential({ ...key, stream: 'gumbel' }, vocabulary, kept), progress);
      mixCodebook(logits_V, codebook_VC, token_C);
    } else {
      token_C.set(codebook_VC.subarray(index * channels, (index + 1) * channels));
    }
  }
  return { values_BlC, index_Bl, confidence_Bl };
}

/**
 * Draws from the softmax of the filtered logits by an exponential race: the index of the largest p / e, where e is
 * exponential with rate 1. The first index wins a tie. Removed codes, those at -Infinity, need no exponential.
 */
export function drawIndex(filtered_V: Float32Array, exponential_V: Float32Array): number {
  const largest = largestOf(filtered_V);
  let best = 0;
  let drawn = 0;
  for (let v = 0; v < filtered_V.length; v++) {
    if (filtered_V[v] === -Infinity) continue;
    const below = filtered_V[v]! - largest;
    const wait = exponential_V[v]!;
    // exp(x) <= 1 / (1 - x + x^2 / 2) for x <= 0 rules out most tokens without an exponential.
    if (best * wait * (1 - below + 0.5 * below * below) > 1) continue;
    const speed = Math.exp(below) / wait;
    if (speed > best) {
      best = speed;
      drawn = v;
    }
  }
  return drawn;
}

/** Below exp(-50), about 2e-22, a weight cannot change a float32 sum of a whole vocabulary. */
const NEGLIGIBLE = -50;

/** Temperature of VAR's Gumbel smoothing; `progress` runs from 0 at the first step to 1 at the last. */
export function smoothTemperature(progress: number): number {
  return Math.max(0.27 * (1 - 0.95 * progress), 0.005);
}

/**
 * Weights of all codebook entries for one smoothed token (`more_smooth` of the official VAR):
 * `softmax((filtered * (1 + progress) + gumbel) / temperature)`, gumbel = -ln(exponential). Written over `filtered_V`;
 * removed codes and negligible ones get 0.
 */
export function smoothWeights(filtered_V: Float32Array, exponential_V: Float32Array, progress: number): void {
  const temperature = smoothTemperature(progress);
  let largest = -Infinity;
  for (let v = 0; v < filtered_V.length; v++) {
    if (filtered_V[v] === -Infinity) continue;
    filtered_V[v] = filtered_V[v]! * (1 + progress) - Math.log(exponential_V[v]!);
    if (filtered_V[v]! > largest) largest = filtered_V[v]!;
  }
  let total = 0;
  for (let v = 0; v < filtered_V.length; v++) {
    const exponent = (filtered_V[v]! - largest) / temperature;
    const weight = exponent < NEGLIGIBLE ? 0 : Math.exp(exponent);
    filtered_V[v] = weight;
    total += weight;
  }
  for (let v = 0; v < filtered_V.length; v++) filtered_V[v]! /= total;
}

/** `weights_V @ codebook_VC`, written to the C numbers of `token_C`. */
export function mixCodebook(weights_V: Float32Array, codebook_VC: Float32Array, token_C: Float32Array): void {
  const channels = token_C.length;
  token_C.fill(0);
  for (let v = 0; v < weights_V.length; v++) {
    const weight = weights_V[v]!;
    if (weight === 0) continue;
    for (let c = 0; c < channels; c++) token_C[c]! += weight * codebook_VC[v * channels + c]!;
  }
}

/** ln(sum of exp) of finite logits. Terms below e^-30 of the largest could not change it by 1e-8 and are left out. */
function logNormaliser(logits_V: Float32Array): number {
  const largest = largestOf(logits_V);
  let total = 0;
  for (let v = 0; v < logits_V.length; v++) {
    const below = logits_V[v]! - largest;
    if (below > -30) total += Math.exp(below);
  }
  return largest + Math.log(total);
}

/** So many of the likeliest codes of a token are told. */
export const TOLD_CODES = 5;

/**
 * Of every token, the log-probability of the code that was drawn, the entropy of the distribution that it was drawn from,
 * and the likeliest codes of that: with guidance mixed in, and after the filters, which leave -Infinity where nothing could
 * be drawn. In nats.
 */
export function describeDrawn(filtered_BlV: Float32Array, index_Bl: Int32Array): Described {
  const vocabulary = filtered_BlV.length / index_Bl.length;
  const logProbability_Bl = new Float32Array(index_Bl.length);
  const entropy_Bl = new Float32Array(index_Bl.length);
  const code_BlK = new Int32Array(index_Bl.length * TOLD_CODES);
  const probability_BlK = new Float32Array(code_BlK.length);
  for (const [token, index] of index_Bl.entries()) {
    const logits_V = filtered_BlV.subarray(token * vocabulary, (token + 1) * vocabulary);
    const largest = largestOf(logits_V);
    let [total, weighted] = [0, 0];
    for (const logit of logits_V) {
      if (logit === -Infinity) continue;
      const below = logit - largest;
      const weight = Math.exp(below);
      total += weight;
      weighted += weight * below;
    }
    logProbability_Bl[token] = logits_V[index]! - largest - Math.log(total);
    entropy_Bl[token] = Math.log(total) - weighted / total;
    const code_K = code_BlK.subarray(token * TOLD_CODES, (token + 1) * TOLD_CODES);
    const found = findLikeliest(logits_V, code_K);
    for (const [k, code] of code_K.subarray(0, found).entries())
      probability_BlK[token * TOLD_CODES + k] = Math.exp(logits_V[code]! - largest) / total;
  }
  return { logProbability_Bl, entropy_Bl, likeliest: { code_BlK, probability_BlK } };
}

/** Writes the codes of the largest logits, largest first, the first of equal ones first, and returns how many there are. */
function findLikeliest(filtered_V: Float32Array, code_K: Int32Array): number {
  let found = 0;
  for (let v = 0; v < filtered_V.length; v++) {
    const logit = filtered_V[v]!;
    if (logit === -Infinity || (found === code_K.length && logit <= filtered_V[code_K[found - 1]!]!)) continue;
    let place = found < code_K.length ? found++ : found - 1;
    for (; place > 0 && filtered_V[code_K[place - 1]!]! < logit; place--) code_K[place] = code_K[place - 1]!;
    code_K[place] = v;
  }
  return found;
}

/** Indices of the codes that the filter left, ascending: the others need no random numbers. Written to the start of `kept_V`. */
function indexOfKept(filtered_V: Float32Array, kept_V: Int32Array): Int32Array {
  let count = 0;
  for (let v = 0; v < filtered_V.length; v++) if (filtered_V[v] !== -Infinity) kept_V[count++] = v;
  return kept_V.subarray(0, count);
}

function checkFinite(logits_V: Float32Array, token: number): void {
  let sum = 0;
  for (const logit of logits_V) sum += logit;
  if (Number.isFinite(sum)) return;
  throw new TesseraError({
    code: 'logits-not-finite',
    who: 'categorical',
    got: `logits of token ${token} that are not finite`,
    expected: 'finite numbers',
    next: 'The weights are damaged or belong to another model: load them again.',
  });
}
