import { TesseraError } from '@tessera/errors';
import { hashName, philoxBlocks } from './philox.ts';

/** Names one stretch of random numbers. Two different keys give independent numbers; the same key the same ones. */
export interface DrawKey {
  /** Row of the batch; the generator knows the row's seed. */
  readonly row: number;
  /** What the numbers are for: `token`, `gumbel`, `order`. */
  readonly stream: string;
  readonly step: number;
  /** Token position within the layout, or 0. */
  readonly position: number;
}

/** Random numbers of sampling: counter-based, so that a row does not depend on its batch-mates. */
export interface SampleRng {
  /** In (0, 1). */
  uniform(key: DrawKey, count: number): Float32Array;
  normal(key: DrawKey, count: number): Float32Array;
  /**
   * Rate 1, strictly positive. With `index`, only the numbers at these places are made, in ascending order; the others
   * are undefined. A number does not depend on which others are made.
   */
  exponential(key: DrawKey, count: number, index?: Int32Array): Float32Array;
}

/**
 * Random numbers of sampling: Philox keyed by (row seed, stream, step, position) and counted by draw. What a row gets
 * depends on its own seed alone, never on how many rows there are or on what was drawn before.
 * @param seeds one per row, integers from 0 to 2^53 - 1.
 * @throws TesseraError `seed-out-of-range`; drawing for a row without a seed throws `row-out-of-range`.
 */
export function keyedRng(seeds: readonly number[]): SampleRng {
  for (const seed of seeds) checkSeed(seed);
  const words = (key: DrawKey, count: number, index?: Int32Array): Uint32Array =>
    drawWords(seedOf(seeds, key.row), key, { count, index });
  return {
    uniform: (key, count) => Float32Array.from(words(key, count), openUniform),
    normal: (key, count) => normals(words(key, count + (count % 2)), count),
    exponential: (key, count, index) => exponentials(words(key, count, index), index),
  };
}

/** In (0, 1): odd multiples of 2^-24, which float32 holds exactly, so that neither end is ever rounded to. */
function openUniform(word: number): number {
  return ((word >>> 9) + 0.5) / 2 ** 23;
}

/** By a loop: `Float32Array.from` with a function is several times slower, and heads draw millions. */
function exponentials(words: Uint32Array, index?: Int32Array): Float32Array {
  const out = new Float32Array(words.length);
  const count = index ? index.length : out.length;
  for (let i = 0; i < count; i++) {
    const at = index ? index[i]! : i;
    out[at] = -Math.log((words[at]! + 0.5) / 2 ** 32);
  }
  return out;
}

/** Box-Muller in doubles: two words make two numbers. */
function normals(words: Uint32Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((words[i]! + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * words[i + 1]!) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** The seed fills 53 bits of Philox' key, the stream the other 11 and one word of the counter. */
function drawWords(seed: number, { stream, step, position }: DrawKey, { count, index }: Drawn): Uint32Array {
  const [streamWord, streamBits] = hashName(stream);
  const high = Math.floor(seed / 2 ** 32) | (streamBits << 21);
  const words = new Uint32Array(4 * Math.ceil(count / 4));
  const state = { key: [seed | 0, high], counter: [0, position, step, streamWord] } as const;
  philoxBlocks(state, words, index && blocksOf(index));
  return words.subarray(0, count);
}

/** The number of words, and the places that are needed: all unless `index` is given. */
interface Drawn {
  readonly count: number;
  readonly index: Int32Array | undefined;
}

/** The blocks of four in which these places lie, each once. */
function blocksOf(index: Int32Array): Int32Array {
  const blocks = new Int32Array(index.length);
  let count = 0;
  for (let i = 0; i < index.length; i++) {
    const block = index[i]! >>> 2;
    if (count === 0 || blocks[count - 1] !== block) blocks[count++] = block;
  }
  return blocks.subarray(0, count);
}

function seedOf(seeds: readonly number[], row: number): number {
  const seed = seeds[row];
  if (seed !== undefined) return seed;
  throw new TesseraError({
    code: 'row-out-of-range',
    who: 'keyedRng',
    got: `row ${row}`,
    expected: `a row from 0 to ${seeds.length - 1}`,
  });
}

function checkSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0) return;
  throw new TesseraError({
    code: 'seed-out-of-range',
    who: 'keyedRng',
    got: `seed ${seed}`,
    expected: 'an integer from 0 to 9007199254740991',
  });
}
