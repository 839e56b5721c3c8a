import { KINDS } from './toy.ts';

/**
 * Distributions proportional to `base exp(t lean)`, one for each kind: guidance leans towards the class by its weight t,
 * and a temperature of 1 / t leans towards what is likely. Codes that nobody taught have base 0 and are left out.
 */
export interface Family {
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
