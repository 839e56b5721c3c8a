import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { encodeLabels, withoutDropped, type ConditionPart, type Weights } from '@tessera/core';
import { nn } from '@tessera/engine';
import { defineCondition } from '@tessera/plugin-kit';
import { schema } from '@tessera/schema';

const { choice, integer, number, object, optional } = schema;

const config = object({
  classes: integer({ min: 1, max: 2 ** 20 }),
  /** Where the vector for no class lies: in the last row of the table (VAR), or in a parameter of its own (MAR). */
  none: optional(choice('row', 'parameter'), 'row'),
  /** Standard deviation of the initial vectors; left out: sqrt(1 / (3 width)), as VAR's. */
  initial: optional(number({ min: 0 }), undefined),
});

/** A class, as a vector that is learnt: the condition of VAR and MAR, under the names of their official checkpoints. */
export const classCondition = defineCondition({
  contract: 2,
  name: 'class',
  package: '@tessera/backbones',
  config,
  describe: ({ classes }) => ({ forms: ['vector'], classes }),
  input: ({ classes }) => integer({ min: 0, max: classes - 1 }),
  build: ({ classes, none, initial }, { width }, { weights }) => {
    const std = initial ?? Math.sqrt(1 / (3 * width));
    return classPart(takeTable(weights, { classes, width, none, std }));
  },
});

/** [classes + 1, D] in one or two parameters; the last row is no class. */
type Table = readonly Tensor[];

interface TableSpec {
  readonly classes: number;
  readonly width: number;
  readonly none: 'row' | 'parameter';
  readonly std: number;
}

function takeTable(weights: Weights, { classes, width, none, std }: TableSpec): Table {
  const take = (name: string, rows: number): Tensor =>
    weights.param(name, [rows, width], { init: { kind: 'normal', std }, decay: true });
  if (none === 'row') return [take('class_emb.weight', classes + 1)];
  return [take('class_emb.weight', classes), take('fake_latent', 1)];
}

function classPart(table: Table): ConditionPart<number> {
  const classes = table.reduce((sum, { shape }) => sum + shape[0]!, 0) - 1;
  return {
    axes: { label_R: 'R' },
    encode: encodeLabels,
    embed: (encoded, dropped_R) => {
      const label_R = withoutDropped(encoded, dropped_R);
      // Equal shapes, because the broadcast of tf.where would be another program for one row.
      const index_R = tf.where(tf.less(label_R, 0), tf.fill(label_R.shape, classes, 'int32'), label_R) as Tensor1D;
      const rows = table.length === 1 ? table[0]! : tf.concat([...table], 0);
      return { vector_RD: nn.embedding(rows, index_R) as Tensor2D };
    },
    dispose: () => undefined,
  };
}
