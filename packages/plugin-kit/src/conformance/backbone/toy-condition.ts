import * as tf from '@tensorflow/tfjs';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { encodeLabels, withoutDropped, type ConditionForm, type ConditionPlugin } from '@tessera/core';
import { schema } from '@tessera/schema';
import { numbersOf } from '../bench.ts';

const CLASSES = 3;
/** Entries of a sequence; the second class has one less. */
const ENTRIES = 3;

/** Classes as fixed numbers, in the forms that a backbone without a condition of its own takes. */
export function toyCondition(forms: readonly ConditionForm[]): {
  readonly plugin: ConditionPlugin;
  readonly config: unknown;
} {
  const plugin: ConditionPlugin = {
    kind: 'condition',
    contract: 2,
    name: 'toy',
    config: schema.object({}),
    describe: () => ({ forms, classes: CLASSES }),
    input: () => schema.integer({ min: 0, max: CLASSES - 1 }),
    build: (_config, { width: D, layout: { length: L } }) => ({
      axes: { label_R: 'R' },
      encode: (labels) => encodeLabels(labels as readonly (number | null)[]),
      embed: (encoded, dropped_R) => {
        const label_R = withoutDropped(encoded, dropped_R);
        const row_R = tf.add(label_R, tf.onesLike(label_R)) as Tensor1D;
        const table = (stream: string, shape: readonly number[]) =>
          tf.tensor(
            numbersOf(
              stream,
              shape.reduce((product, side) => product * side, 1),
              1,
            ),
            [...shape],
          );
        const of = (stream: string, ...shape: number[]) => tf.gather(table(stream, [CLASSES + 1, ...shape]), row_R);
        const counts = Array.from({ length: CLASSES + 1 }, (_, row) =>
          Array.from({ length: ENTRIES }, (_one, entry) => (row === 2 && entry === ENTRIES - 1 ? 0 : 1)),
        );
        return {
          ...(forms.includes('vector') && { vector_RD: of('vector', D) as Tensor2D }),
          ...(forms.includes('sequence') && {
            sequence: {
              values_RSD: of('sequence', ENTRIES, D) as Tensor3D,
              counts_RS: tf.gather(tf.tensor2d(counts), row_R) as Tensor2D,
            },
          }),
          ...(forms.includes('map') && { map_RLD: of('map', L, D) as Tensor3D }),
        };
      },
      dispose: () => undefined,
    }),
  };
  return { plugin, config: {} };
}
