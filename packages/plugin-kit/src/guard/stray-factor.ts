import type { FactorSpace } from '@tessera/core';

/** Entries may be computed, by a product with their codebook: up to this, relative to 1 or the number, is rounding. */
const ROUNDING = 1e-3;

/** Of values [B, l, C], the first factor of the first token whose values are no entry of its codebook, in words; null if there is none. */
export async function strayFactor(
  values: Float32Array,
  { factors, codebooks, channels }: FactorSpace,
): Promise<string | null> {
  let start = 0;
  for (const [f, factor] of factors.entries()) {
    const book = await codebooks[f]!.data();
    for (let at = start; at < values.length; at += channels) {
      const own = values.subarray(at, at + factor.channels);
      if (!isEntry(own, book)) return `${Array.from(own, (one) => one.toPrecision(3)).slice(0, 4)} as factor ${f}`;
    }
    start += factor.channels;
  }
  return null;
}

function isEntry(own: ArrayLike<number>, book: ArrayLike<number>): boolean {
  for (let from = 0; from < book.length; from += own.length) {
    let c = 0;
    while (c < own.length && Math.abs(own[c]! - book[from + c]!) <= ROUNDING * Math.max(1, Math.abs(own[c]!))) c++;
    if (c === own.length) return true;
  }
  return false;
}
