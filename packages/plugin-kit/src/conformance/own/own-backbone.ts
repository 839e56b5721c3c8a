import * as tf from '@tensorflow/tfjs';
import type { Tensor } from '@tensorflow/tfjs';
import { buildBackbone, classOf, noGuidance, type BackbonePlugin, type Context, type Reads } from '@tessera/core';
import { nullable, schema, type FieldType } from '@tessera/schema';
import { guardedParts, readsScales } from '../backbone/opened-backbone.ts';
import { withBench } from '../bench.ts';
import type { Check } from '../case.ts';
import { oneMap, someNumbers, twoMaps, type PartTrial } from '../options.ts';
import { common, giveWeights, numbersIn, rows, rowTensor, tensorOf, wrongNumber } from './given.ts';

const { object, integer, list, optional } = schema;

const step = object({
  /** Whose hidden states are asked for. */
  positions: list(integer({ min: 0 }), { min: 1 }),
  /** What the canvas gives: all tokens (`known`), the newest (`last`), the estimates of these (`estimate`); null: nothing yet. */
  values: nullable(rows),
  /** Of backbones that read 'scale': what the coarser scales say of this one; null: nothing yet. */
  estimate: optional(nullable(rows), null),
  /** Of backbones that read 'known' or 'scale': 1 where a token is known, for each position of all or of the scale. */
  known: optional(list(integer({ min: 0, max: 1 })), undefined),
  /** The hidden state of each position. */
  hidden: rows,
});

/** These tokens in, these hidden states out, step by step: of one image. */
export const ownBackbone = object({
  ...common,
  /** -1: the null class. */
  label: optional(integer({ min: -1 }), 0),
  steps: list(step, { min: 1 }),
});

type OwnStep = FieldType<typeof step>;

export function backboneCheck(
  { plugin, trial, target }: PartTrial<BackbonePlugin>,
  own: FieldType<typeof ownBackbone>,
): Check {
  return () =>
    withBench({ target, seed: trial.seed }, async (bench) => {
      const config = plugin.config.parse(trial.config, plugin.name);
      const { reads } = plugin.describe(config);
      const layout = trial.layout ?? (readsScales(reads) ? twoMaps : oneMap);
      const dims = { layout, space: trial.space ?? someNumbers };
      const backbone = buildBackbone(guardedParts(plugin, config), dims, bench);
      try {
        giveWeights(bench, own.weights);
        const rollout = await backbone.openRollout([{ seed: 1, condition: classOf(own.label) }], noGuidance);
        let before = layout.length;
        for (const [index, asked] of own.steps.entries()) {
          const context = contextOf(asked, reads);
          const after = before - asked.positions.length;
          const positions_Bl = Int32Array.from(asked.positions);
          const at = { index, of: own.steps.length, before, after, positions_Bl };
          const { values_RlD } = await rollout.forward(context, at, false).finally(() => disposeContext(context));
          before = after;
          const found = await numbersIn(values_RlD).finally(() => values_RlD.dispose());
          const wrong = wrongNumber('hidden states', found, asked.hidden.flat(), own.tolerance);
          if (wrong !== null) return `${wrong}, in step ${index}`;
        }
        rollout.dispose();
        return null;
      } finally {
        backbone.dispose();
      }
    });
}

function contextOf({ values, known, estimate }: OwnStep, reads: Reads): Context {
  if (reads === 'estimate' || reads === 'last') return { reads, values_BlC: values === null ? null : tensorOf(values) };
  if (values === null || known?.length !== values.length)
    throw new Error('a step without values and known for every position');
  if (reads === 'scale') {
    const estimate_BnC = estimate && tensorOf(estimate);
    return { reads, estimate_BnC, values_BnC: tensorOf(values), known_Bn: rowTensor(known) };
  }
  return { reads, values_BLC: tensorOf(values), known_BL: rowTensor(known) };
}

function disposeContext(context: Context): void {
  tf.dispose(Object.values(context).filter((one): one is Tensor => one instanceof tf.Tensor));
}
