import type { SampleContext } from '@tessera/core';
import { TesseraError } from '@tessera/errors';
import type { CategoricalOptions } from './config.ts';
import { drawIndex } from './draw-index.ts';
import { filterLogits, logNormaliser } from './filter-logits.ts';
import { mixCodebook, smoothWeights } from './smooth-tokens.ts';

/** Logits of one step with the codebook they score. */
export interface Scores {
  /** B times l rows of V numbers; they are overwritten. */
  readonly logits_BlV: Float32Array;
  readonly codebook_VC: Float32Array;
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
 * step and position. A smoothed token has an index too, which its values do not follow.
 * @throws TesseraError `logits-not-finite`
 */
export function drawTokens(scores: Scores, context: SampleContext<CategoricalOptions>): DrawnTokens {
  const { logits_BlV, codebook_VC, vocabulary, positions_Bl } = scores;
  const { step, rows, rng, options } = context;
  const channels = codebook_VC.length / vocabulary;
  const perRow = positions_Bl.length / rows.length;
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
    const key = { row: Math.floor(token / perRow), step: step.index, position: positions_Bl[token]! };
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

/** Indices of the tokens that the filter left, ascending: the others need no numbers. Written to the start of `kept_V`. */
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
