import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { defineOwnFused } from '../fused.ts';
import { hashName, philox } from './philox.ts';

/** Random numbers inside a traced training step, made in the graph from the step's key. */
export interface TraceRng {
  /** In [0, 1). `stream` must differ between calls of one step. */
  uniform(stream: string, shape: readonly number[]): Tensor;
  normal(stream: string, shape: readonly number[]): Tensor;
}

/**
 * The two words that `traceRng` needs, from a step's key: well mixed, so that neighbouring keys have nothing in common.
 * @param key an integer from 0 to 2^53 - 1
 * @param part tells apart the batches that one step accumulates
 */
export function keyWords(key: number, part: number): Int32Array {
  const words = new Uint32Array(4);
  philox({ key: [key | 0, Math.floor(key / 2 ** 32)], counter: [part, 0, 0, 0] }, words, 0);
  return new Int32Array(words.buffer, 0, 2);
}

/**
 * Random numbers inside a traced function: they depend on `key` (int32 [2]), the name of the stream and the position.
 * @throws TesseraError `stream-reused` from a draw whose stream was drawn before: its numbers would be the same again.
 */
export function traceRng(key: Tensor): TraceRng {
  const used = new Set<string>();
  const draw = (stream: string, part: string, shape: readonly number[]): Tensor =>
    fusedHashUniform({ key }, { stream: hashName(stream + part), shape });
  return {
    uniform(stream, shape) {
      claim(used, stream);
      return draw(stream, '', shape);
    },
    normal(stream, shape) {
      claim(used, stream);
      // Box-Muller; 1 - u lies in (0, 1], where the logarithm is finite
      const radius = tf.sqrt(tf.mul(tf.log(tf.sub(1, draw(stream, '/radius', shape))), -2));
      return tf.mul(radius, tf.cos(tf.mul(draw(stream, '/angle', shape), 2 * Math.PI)));
    },
  };
}

function claim(used: Set<string>, stream: string): void {
  if (used.has(stream)) {
    throw new TesseraError({
      code: 'stream-reused',
      who: 'traceRng',
      got: `a second draw of stream "${stream}"`,
      expected: 'a separate stream for every draw of a step',
      next: 'Add the layer or the purpose to the name.',
    });
  }
  used.add(stream);
}

interface Inputs {
  /** int32 [2]: two well-mixed words. */
  readonly key: Tensor;
}

interface Attrs {
  /** Two words for the name of the stream. */
  readonly stream: readonly [number, number];
  readonly shape: readonly number[];
}

/* Multipliers and shifts of Wellons' `lowbias32`, the least biased two-round hash of 32 bits that he found. */
export const MULTIPLIER_0 = 0x7feb352d;
export const MULTIPLIER_1 = 0x846ca68b;

/**
 * One uniform number in [0, 1) per position, a hash of (key, stream, linear index): 24 bits. Both words of the key and
 * of the stream enter, one before and one between the rounds, so that streams that overlap by chance still differ.
 */
export const fusedHashUniform = defineOwnFused<Inputs, Attrs>({
  name: 'TesseraHashUniform',
  shape: (_, { shape }) => shape,
  forward: ({ key }, { stream, shape }) => {
    const [first, second] = key.dataSync() as Int32Array;
    const [start, between] = [first! + stream[0], second! ^ stream[1]];
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, index) => {
      let x = (index + start) | 0;
      x = Math.imul(x ^ (x >>> 16), MULTIPLIER_0) ^ between;
      x = Math.imul(x ^ (x >>> 15), MULTIPLIER_1);
      return (x >>> 8) * 2 ** -24;
    });
    return tf.tensor(data, [...shape]);
  },
  gradient: () => ({}),
});
