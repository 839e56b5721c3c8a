import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { TesseraError } from '@tessera/errors';
import { hashUniform } from './hash-uniform.ts';
import { hashName } from './hash.ts';
import { philox } from './philox.ts';
import type { TraceRng } from './rng.ts';

/**
 * The two words that `traceRng` wants, from a step's key: well mixed, so that neighbouring keys have nothing in common.
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
    hashUniform({ key }, { stream: hashName(stream + part), shape });
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
      expected: 'a stream of its own for every draw of a step',
      next: 'Add the layer or the purpose to the name.',
    });
  }
  used.add(stream);
}
