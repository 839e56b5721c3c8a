import type { TokenizerPlugin } from '@tessera/core';
import { schema, type FieldType } from '@tessera/schema';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { withBench } from '../bench.ts';
import type { Check } from '../case.ts';
import type { PartTrial } from '../options.ts';
import { encode, paint } from '../tokenizer/opened-tokenizer.ts';
import { common, giveWeights, rows, wrongNumber } from './given.ts';
import { wrongTokens } from './own-head.ts';

const { object, integer, list, number, optional } = schema;
const pixels = list(number({ min: 0, max: 1 }), { min: 1 });

/** This picture in, these tokens out, and the picture that they make. */
export const ownTokenizer = object({
  ...common,
  /** Row after row, the channels of each pixel together. */
  picture: pixels,
  values: optional(rows, undefined),
  index: optional(list(integer({ min: 0 })), undefined),
  /** What the tokens are shown as. */
  shown: optional(pixels, undefined),
});

export function tokenizerCheck(
  { plugin, trial, target }: PartTrial<TokenizerPlugin>,
  own: FieldType<typeof ownTokenizer>,
): Check {
  return () =>
    withBench({ target, seed: trial.seed }, async (bench) => {
      const tokenizer = guardPlugin(plugin).build(plugin.config.parse(trial.config, plugin.name), bench);
      const { height, width, channels } = tokenizer.image;
      const size = height * width * channels;
      try {
        if (own.picture.length !== size) return `a picture of ${own.picture.length} numbers, where images have ${size}`;
        giveWeights(bench, own.weights);
        const opened = { tokenizer, bench, trial };
        const { values, index } = await encode(opened, [Float32Array.from(own.picture)]);
        const wrong = wrongTokens({ values: [...values], index: [...(index ?? [])] }, own);
        if (!own.shown || (wrong !== null && (own.values || own.index))) return wrong;
        const [shown] = await paint(opened, { tokens: values });
        return wrongNumber('pixels', shown!, own.shown, own.tolerance);
      } finally {
        tokenizer.dispose();
      }
    });
}
