/** Moving averages of how often each code is chosen: S scales of V codes, row-major. */
export interface CodeUsage {
  /** The file's `quantize.ema_vocab_hit_SV`. */
  readonly ema_SV: Float32Array;
  /** Hits of single scales recorded so far: the official counter runs once per scale, not once per step. */
  readonly recorded: number;
}

/** Name of the buffer that holds the averages in official weight files; the network does not use it. */
export const USAGE_BUFFER = 'quantize.ema_vocab_hit_SV';

export function emptyUsage(scales: number, vocabulary: number): CodeUsage {
  return { ema_SV: new Float32Array(scales * vocabulary), recorded: 0 };
}

/**
 * The averages after one training step with these hits. As in the official model, only the very first scale of the
 * first step is copied; the others start from one tenth, and after 100 records from one hundredth.
 */
export function recordHits(usage: CodeUsage, hits_SV: Float32Array, scales: number): CodeUsage {
  const vocabulary = hits_SV.length / scales;
  const ema_SV = usage.ema_SV.slice();
  for (let scale = 0; scale < scales; scale++) {
    const recorded = usage.recorded + scale;
    const keep = recorded === 0 ? 0 : recorded < 100 ? 0.9 : 0.99;
    for (let i = scale * vocabulary; i < (scale + 1) * vocabulary; i++) {
      ema_SV[i] = keep * ema_SV[i]! + (1 - keep) * hits_SV[i]!;
    }
  }
  return { ema_SV, recorded: usage.recorded + scales };
}

/** Below this average a code counts as unused: 0.08 of its fair share of `positions` (batch times map positions). */
export function usageMargin(positions: number, vocabulary: number): number {
  return (positions / vocabulary) * 0.08;
}

/** Percent of the codebook in use, per scale. */
export function usagePercent(usage: CodeUsage, scales: number, margin: number): readonly number[] {
  const vocabulary = usage.ema_SV.length / scales;
  return Array.from({ length: scales }, (_, scale) => {
    const row = usage.ema_SV.subarray(scale * vocabulary, (scale + 1) * vocabulary);
    return (100 * row.filter((hits) => hits >= margin).length) / vocabulary;
  });
}

/** Codes that no scale uses, ascending: a trainer may start them again from features of its batch. */
export function deadCodes(usage: CodeUsage, scales: number, margin: number): readonly number[] {
  const vocabulary = usage.ema_SV.length / scales;
  const alive = new Uint8Array(vocabulary);
  for (const [i, hits] of usage.ema_SV.entries()) if (hits >= margin) alive[i % vocabulary] = 1;
  return [...alive.keys()].filter((code) => alive[code] === 0);
}
