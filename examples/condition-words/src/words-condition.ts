import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { defineCondition, nearestName, schema, tensorFrom, type ConditionPart } from '@tessera/plugin-kit';
import { encodeText, takeEncoder } from './text-encoder.ts';
import { wordsOf } from './words.ts';

const { integer, list, object, optional, refine, string } = schema;

const config = refine(
  object({
    /** All words that texts may have, in lower case. A recipe leaves them out: they are those of its training texts. */
    words: list(string(), { min: 1, max: 65_536 }),
    /** The most words of a text. */
    length: optional(integer({ min: 1, max: 256 }), 24),
    /** Layers of the text encoder. */
    depth: optional(integer({ min: 0, max: 32 }), 1),
    /** Attention heads of a layer: the width of the backbone is a multiple. */
    heads: optional(integer({ min: 1, max: 64 }), 4),
  }),
  ({ words }) => {
    const wrong = words.find(
      (word, i) => wordsOf(word).length !== 1 || wordsOf(word)[0] !== word || words.indexOf(word) !== i,
    );
    return wrong === undefined ? null : `different words in lower case, without ${JSON.stringify(wrong)}`;
  },
);

/** In a text of numbers, 0 only fills up and 1 stands for no text; words begin at 2. */
const NONE = 1;
const FIRST = 2;

const caption = object({ text: string() });

/**
 * A text of known words. Its vector says what it is about, and its sequence has a vector for each word: a backbone that
 * attends to it (`attends`) sees which word is which.
 */
export const wordsCondition = defineCondition({
  contract: 2,
  name: '@tessera-examples/condition-words',
  config,
  describe: () => ({ forms: ['vector', 'sequence'], classes: null }),
  input: ({ words, length }) => {
    const known = new Set(words);
    return object({
      text: refine(string(), (text) => {
        const given = wordsOf(text);
        const unknown = given.find((word) => !known.has(word));
        if (unknown !== undefined) return `words that the model knows, ${unknownWord(unknown, words)}`;
        return given.length > 0 && given.length <= length ? null : `1 to ${length} words`;
      }),
    });
  },
  fit: (given, inputs) => {
    const texts = inputs.map((one) => caption.parse(one, 'a training text').text);
    return { words: [...new Set(texts.flatMap(wordsOf))].sort(), ...(given as object) };
  },
  build: ({ words, length: S, depth, heads }, { width: D }, { weights }): ConditionPart<{ readonly text: string }> => {
    const params = takeEncoder(weights, { entries: words.length + FIRST, length: S, width: D, depth });
    const numberOf = new Map(words.map((word, i) => [word, i + FIRST]));
    const none_S = Int32Array.from({ length: S }, (_, place) => (place === 0 ? NONE : 0));
    return {
      axes: { word_RS: 'R .' },
      encode: (values) => {
        const word_RS = new Int32Array(values.length * S);
        for (const [row, value] of values.entries()) {
          word_RS.set(value ? wordsOf(value.text).map((word) => numberOf.get(word)!) : none_S, row * S);
        }
        return { word_RS: tensorFrom(word_RS, [values.length, S], 'int32') };
      },
      embed: ({ word_RS: given }, dropped_R) => {
        const word_RS = dropped_R ? withoutText(given as Tensor2D, dropped_R) : (given as Tensor2D);
        return encodeText(params, word_RS, heads);
      },
      dispose: () => undefined,
    };
  },
});

function unknownWord(word: string, words: readonly string[]): string {
  const near = nearestName(word, words);
  return near === null ? `not ${word}` : `not ${word}: did you mean ${near}?`;
}

/** Rows that are dropped say nothing. */
function withoutText(word_RS: Tensor2D, dropped_R: Tensor1D): Tensor2D {
  const [, S] = word_RS.shape;
  const isFirst_1S = tf.cast(tf.less(tf.range(0, S, 1, 'int32'), 1), 'int32');
  const none_RS = tf.mul(tf.onesLike(word_RS), isFirst_1S);
  const dropped_R1 = tf.cast(tf.expandDims(dropped_R, 1), 'int32');
  return tf.add(tf.mul(none_RS, dropped_R1), tf.mul(word_RS, tf.sub(tf.scalar(1, 'int32'), dropped_R1)));
}
