import * as tf from '@tensorflow/tfjs';
import { tensorsOf, type ConditionPlugin } from '@tessera/core';
import { anything, nullable, schema, type FieldType } from '@tessera/schema';
import { guardPlugin } from '../../guard/guard-plugin.ts';
import { plainRng, withBench } from '../bench.ts';
import type { Check } from '../case.ts';
import { oneMap, type PartTrial } from '../options.ts';
import { common, giveWeights, numbersIn, wrongNumber } from './given.ts';

const { integer, list, number, object, optional } = schema;

/** This condition in, these numbers out. */
export const ownCondition = object({
  ...common,
  /** As a request says it; null: no condition. */
  input: nullable(anything),
  /** Of the vectors. */
  width: optional(integer({ min: 1, max: 65536 }), 8),
  /** All numbers of all forms, one after the other: the vector, the sequence, what counts of it, the map. */
  embedded: list(number(), { min: 1 }),
});

export function conditionCheck(
  { plugin, trial, target }: PartTrial<ConditionPlugin>,
  own: FieldType<typeof ownCondition>,
): Check {
  return () =>
    withBench({ target, seed: trial.seed }, async (bench) => {
      const guarded = guardPlugin(plugin);
      const config = guarded.config.parse(trial.config, plugin.name);
      const part = guarded.build(config, { width: own.width, layout: trial.layout ?? oneMap }, bench);
      giveWeights(bench, own.weights);
      const value = own.input === null ? null : guarded.input(config).parse(own.input, plugin.name);
      const encoded = part.encode([value]);
      const embedded = tensorsOf(part.embed(encoded, null, { rng: plainRng(trial.seed), train: false }));
      try {
        const found: number[] = [];
        for (const tensor of embedded) found.push(...(await numbersIn(tensor)));
        return wrongNumber('embedded numbers', found, own.embedded, own.tolerance);
      } finally {
        tf.dispose([...embedded, ...Object.values(encoded)]);
        part.dispose();
      }
    });
}
