import type { SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { schema, type Field } from '@tessera/schema';
import { allPositions, byKey, checkerboard, missingOf, setSteps, shuffled, type Nothing } from './orders.ts';
import type { OrderPlugin } from './plugin.ts';
import type { Plan } from './contracts.ts';
import type { Chosen, Layout, Step } from './tokens.ts';

/* Orders by sets of tokens: random sets (MAR) and the surest tokens (MaskGIT). */

const DEFAULT_STEPS = 64;

/** Option `steps` of orders by sets; the layout bounds it. */
export function stepsField({ length }: Layout): Field<number> {
  const steps = schema.refine(
    schema.integer({ min: 1 }),
    (count) => (count <= length ? null : `at most ${length}, the number of tokens`),
    'steps-above-tokens',
  );
  const bounded = schema.field(steps.read, { ...steps.json, maximum: length });
  return schema.described(
    schema.optional(bounded, Math.min(DEFAULT_STEPS, length)),
    'How many sets the tokens come in: fewer are faster, more are better.',
  );
}

/**
 * Tokens of each step (MAR, arXiv 2406.11838, section 3.3): after step s of S, floor(L cos(pi/2 (s+1)/S)) are still
 * missing, but at least one, and at least one fewer than before; the last step takes the rest. S is at most L.
 */
export function setSizes(length: number, steps: number): number[] {
  const sizes: number[] = [];
  let before = length;
  for (let s = 0; s < steps; s++) {
    const falling = Math.floor(length * Math.cos(((Math.PI / 2) * (s + 1)) / steps));
    const after = s === steps - 1 ? 0 : Math.max(1, Math.min(before - 1, falling));
    sizes.push(before - after);
    before = after;
  }
  return sizes;
}

/** Request-time options of the order of random sets. */
interface RandomSetsOptions {
  /** How many sets the tokens come in. */
  readonly steps: number;
  /** How many of them are odd cells of a checkerboard, after all even ones; 0: cells come in any order. */
  readonly restSteps?: number;
}

function randomSetsOptions(layout: Layout): Field<Required<RandomSetsOptions>> {
  const each = schema.object({
    steps: stepsField(layout),
    restSteps: schema.described(
      schema.optional(schema.integer({ min: 0, max: layout.length - 1 }), 0),
      'So many of the steps draw the odd cells of a checkerboard, after the even ones in all others: few are enough for ' +
        'cells whose neighbours are known. 0 draws cells in any order.',
    ),
  });
  return schema.field((value, place) => {
    const options = each.read(value, place);
    const { steps, restSteps } = options;
    if (restSteps < steps) return options;
    throw new TesseraError({
      code: 'rest-steps-misfit',
      who: place.who,
      got: `${place.path ? `${place.path}.` : ''}restSteps = ${restSteps}`,
      expected: `fewer than steps, which is ${steps}`,
      next: 'Choose fewer, or more steps.',
    });
  }, each.json);
}

/**
 * MAR's order (section 3.3 of arXiv 2406.11838): every row has a random order of its own; the sets grow as the cosine
 * falls. Kept tokens are left out. `restSteps` divides it as GtR does (arXiv 2510.17171): structure, then the rest.
 */
export const randomSetsOrder: OrderPlugin<Nothing, RandomSetsOptions> = {
  contract: 1,
  kind: 'order',
  name: 'random-sets',
  package: '@tessera/core',
  stride: 'set',
  config: schema.object({}),
  options: randomSetsOptions,
  build: () => ({
    open: (layout, { rows, kept, rng, options }) => {
      const missing = missingOf(layout, kept, 'random-sets');
      const { steps, restSteps = 0 } = options;
      const orders = rows.map((_, row) => shuffled(missing, row, rng));
      if (restSteps === 0) {
        const sizes = setSizes(missing.length, Math.min(steps, missing.length));
        return { steps: () => setSteps(orders, sizes), dispose: () => undefined };
      }
      const halves = orders.map((order) => checkerboard(order, layout));
      const [even, odd] = [halves[0]!.even.length, halves[0]!.odd.length];
      const sizes = [...setSizes(even, Math.min(even, steps - restSteps)), ...setSizes(odd, Math.min(odd, restSteps))];
      const inTurn = halves.map((half) => [...half.even, ...half.odd]);
      return { steps: () => setSteps(inTurn, sizes), dispose: () => undefined };
    },
    visit: (layout, key_L) => Int32Array.from(byKey(allPositions(layout), key_L)),
    stops: () => null,
  }),
};

/** Request-time options of the order by confidence. */
interface ConfidenceOptions {
  /** How many sets the tokens come in. */
  readonly steps: number;
  /** Temperature of the noise on the confidence; it falls to 0 at the last step. */
  readonly choiceTemperature: number;
}

const WHO = 'confidence';

/**
 * MaskGIT's order (arXiv 2202.04200, section 3.2): every step samples all missing tokens and keeps those that the head is
 * surest of, in sets that grow as the cosine falls. Kept tokens are left out.
 */
export const confidenceOrder: OrderPlugin<Nothing, ConfidenceOptions> = {
  contract: 1,
  kind: 'order',
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
        'How random the choice of the tokens to keep is: 0 is greedy, more is more varied.',
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
};

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
      const falling = temperature * (1 - (step.index + 1) / step.of);
      const chosen = chooseSurest(step, { confidence_Bl, temperature: falling, rows: missing.length, rng });
      const taken = new Set(chosen.slots_Bl);
      const l = step.before;
      missing = missing.map((positions, row) => positions.filter((_, i) => !taken.has(row * l + i)));
      return chosen;
    },
    dispose: () => undefined,
  };
}

/** How the surest tokens of a step are chosen. */
export interface Choice {
  readonly confidence_Bl: Float32Array;
  /** Factor on the Gumbel noise. */
  readonly temperature: number;
  readonly rows: number;
  readonly rng: SampleRng;
}

/**
 * Of the tokens that a step offers as many as it leaves, those with the highest confidence under Gumbel noise. Random stream:
 * `confidence`, one uniform per token.
 */
export function chooseSurest(step: Step, { confidence_Bl, temperature, rows, rng }: Choice): Chosen {
  const l = step.positions_Bl.length / rows;
  const count = step.before - step.after;
  const slots = Array.from({ length: rows }, (_, row) => {
    const own = Array.from({ length: l }, (_, i) => row * l + i);
    const uncertainty: number[] = [];
    for (const slot of own) {
      const key = { row, stream: 'confidence', step: step.index, position: step.positions_Bl[slot]! };
      uncertainty[slot] = -confidence_Bl[slot]! - temperature * gumbel(rng.uniform(key, 1)[0]!);
    }
    return byKey(own, uncertainty)
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
    next: 'Choose a head that gives a confidence for each token.',
  });
}
