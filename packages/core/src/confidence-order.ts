import type { SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { defineOrder } from './define/define-order.ts';
import { allPositions, byKey, missingOf } from './permutation.ts';
import { schema } from './schema.ts';
import { setSizes, stepsField } from './set-sizes.ts';
import type { Chosen, Plan, Step } from './step.ts';

/** Request-time options of the order by confidence. */
export interface ConfidenceOptions {
  /** How many sets the tokens come in. */
  readonly steps: number;
  /** How much chance has a say in which tokens stay; it cools down to nothing at the last step. */
  readonly choiceTemperature: number;
}

const WHO = 'confidence';

/**
 * MaskGIT's order (arXiv 2202.04200, section 3.2): every step samples all missing tokens and keeps those that the head is
 * surest of, in sets that grow as the cosine falls. Kept tokens are left out.
 */
export const confidenceOrder = defineOrder({
  contract: 1,
  name: WHO,
  package: '@tessera/core',
  stride: 'set',
  needsConfidence: true,
  config: schema.object({}),
  options: (layout) =>
    schema.object({
      steps: stepsField(layout),
      choiceTemperature: schema.described(
        schema.optional(schema.number({ min: 0, max: 100 }), 4.5),
        'How much chance has a say in which tokens stay: 0 is greedy, more is more varied.',
      ),
    }),
  build: () => ({
    open: (layout, { rows, kept, rng, options }) => {
      const missing = missingOf(layout, kept, WHO);
      const sizes = setSizes(missing.length, Math.min(options.steps, missing.length));
      return openPlan({ sizes, missing: rows.map(() => missing), rng, temperature: options.choiceTemperature });
    },
    visit: (layout, key_L) => Int32Array.from(byKey(allPositions(layout), key_L)),
    stops: () => null,
  }),
});

interface PlanParts {
  readonly sizes: readonly number[];
  /** Per row, ascending. */
  readonly missing: readonly (readonly number[])[];
  readonly rng: SampleRng;
  readonly temperature: number;
}

function openPlan({ sizes, missing: all, rng, temperature }: PlanParts): Plan {
  let missing = all;
  return {
    *steps() {
      for (const [index, size] of sizes.entries()) {
        const before = missing[0]!.length;
        yield { index, of: sizes.length, before, after: before - size, positions_Bl: Int32Array.from(missing.flat()) };
      }
    },
    choose(step, { confidence_Bl }) {
      if (confidence_Bl?.length !== step.positions_Bl.length) throw unsure(step, confidence_Bl?.length);
      const heat = temperature * (1 - (step.index + 1) / step.of);
      const chosen = chooseSurest(step, { confidence_Bl, heat, rows: missing.length, rng });
      const taken = new Set(chosen.slots_Bl);
      const l = step.before;
      missing = missing.map((positions, row) => positions.filter((_, i) => !taken.has(row * l + i)));
      return chosen;
    },
    dispose: () => undefined,
  };
}

interface Choice {
  readonly confidence_Bl: Float32Array;
  /** Factor on the Gumbel noise. */
  readonly heat: number;
  readonly rows: number;
  readonly rng: SampleRng;
}

function chooseSurest(step: Step, { confidence_Bl, heat, rows, rng }: Choice): Chosen {
  const l = step.before;
  const count = step.before - step.after;
  const slots = Array.from({ length: rows }, (_, row) => {
    const own = Array.from({ length: l }, (_, i) => row * l + i);
    const doubt: number[] = [];
    for (const slot of own) {
      const key = { row, stream: 'confidence', step: step.index, position: step.positions_Bl[slot]! };
      doubt[slot] = -confidence_Bl[slot]! - heat * gumbel(rng.uniform(key, 1)[0]!);
    }
    return byKey(own, doubt)
      .slice(0, count)
      .sort((a, b) => a - b);
  });
  const slots_Bl = Int32Array.from(slots.flat());
  return { step: { ...step, positions_Bl: slots_Bl.map((slot) => step.positions_Bl[slot]!) }, slots_Bl };
}

function gumbel(uniform: number): number {
  return -Math.log(-Math.log(Math.max(uniform, 1e-20)));
}

function unsure({ index, positions_Bl }: Step, got: number | undefined): TesseraError {
  return new TesseraError({
    code: 'confidence-missing',
    who: WHO,
    got: got === undefined ? `no confidence at step ${index}` : `${got} confidences at step ${index}`,
    expected: `one for each of ${positions_Bl.length} sampled tokens`,
    next: 'Choose a head that says how sure it is of its tokens.',
  });
}
