import * as tf from '@tensorflow/tfjs';
import type { Tensor3D } from '@tensorflow/tfjs';
import { classOf, type HeadPlugin } from '@tessera/core';
import { keyedRng } from '@tessera/engine';
import { record, schema, type FieldType } from '@tessera/schema';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { disposeSpace, spaceOf, withBench } from '../bench.ts';
import type { Check } from '../case.ts';
import { shapeOf } from '../head/trained-head.ts';
import type { PartTrial } from '../options.ts';
import { common, giveWeights, numbersIn, rows, tensorOf, wrongNumber } from './given.ts';

const { object, integer, list, number, optional } = schema;

/** These hidden states in, these tokens out: of one image at one step. */
export const ownHead = object({
  ...common,
  /** Of each token; as wide as the head is to be. */
  hidden: rows,
  /** The same without the class: the tokens are guided. */
  blind: optional(rows, undefined),
  /** Of guidance. */
  weight: optional(number(), 1),
  seed: optional(integer({ min: 0 }), 1),
  options: optional(record, {}),
  /** Values of each token. */
  values: optional(rows, undefined),
  /** Entry of the codebook of each token. */
  index: optional(list(integer({ min: 0 })), undefined),
});

type OwnHead = FieldType<typeof ownHead>;

export function headCheck({ plugin, trial, target }: PartTrial<HeadPlugin>, own: OwnHead): Check {
  return () =>
    withBench({ target, seed: trial.seed }, async (bench) => {
      const shape = shapeOf(plugin, trial);
      const space = spaceOf(shape);
      const config = plugin.config.parse(trial.config, plugin.name);
      const options = plugin.options(shape).parse({ ...trial.options, ...own.options }, plugin.name);
      const head = guardPlugin(plugin).build(config, { width: own.hidden[0]!.length, space }, bench);
      const all = [own.hidden, ...(own.blind ? [own.blind] : [])].map(tensorOf);
      const values_RlD = tf.concat(all, 0) as Tensor3D;
      try {
        giveWeights(bench, own.weights);
        const l = own.hidden.length;
        const positions_Bl = Int32Array.from({ length: l }, (_, position) => position);
        const { tokens } = await head.sample(
          { values_RlD, positions_Bl, guided: own.blind !== undefined },
          {
            step: { index: 0, of: 1, before: l, after: 0, positions_Bl },
            rows: [{ seed: own.seed, condition: classOf(0) }],
            weight: own.weight,
            rng: keyedRng([own.seed]),
            options,
            signal: new AbortController().signal,
          },
        );
        const values = await numbersIn(tokens.values_BlC);
        const index = tokens.index_Bl ? await numbersIn(tokens.index_Bl) : [];
        tf.dispose([tokens.values_BlC, ...(tokens.index_Bl ? [tokens.index_Bl] : [])]);
        return wrongTokens({ values, index }, own);
      } finally {
        tf.dispose([...all, values_RlD]);
        head.dispose();
        disposeSpace(space);
      }
    });
}

interface Tokens {
  readonly values: readonly number[];
  readonly index: readonly number[];
}

/** What is not as the case says, or null. */
export function wrongTokens(
  found: Tokens,
  { values, index, tolerance }: Pick<OwnHead, 'values' | 'index' | 'tolerance'>,
): string | null {
  if (!values && !index) return 'neither values nor index: nothing is said that could be wrong';
  const wrong = index ? wrongNumber('indices', found.index, index, 0) : null;
  return wrong ?? (values ? wrongNumber('values', found.values, values.flat(), tolerance) : null);
}
