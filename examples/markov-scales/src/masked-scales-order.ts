import {
  allPositions,
  byKey,
  chooseSurest,
  defineOrder,
  missingOf,
  schema,
  setSizes,
  type Plan,
  type SampleRng,
  type Scale,
} from '@tessera/plugin-kit';

const NAME = '@tessera-examples/masked-scales';

const { object, integer, number, optional, described } = schema;

/**
 * Scale after scale, each in several steps (masked refinement of HMAR, arXiv 2506.04421, section 3.3): a step draws all that is
 * missing of the scale and keeps what the head is surest of, in sets that grow as the cosine falls. Kept tokens are left out.
 */
export const maskedScalesOrder = defineOrder({
  contract: 2,
  name: NAME,
  package: '@tessera-examples/markov-scales',
  stride: 'part',
  needsConfidence: true,
  config: object({}),
  options: () =>
    object({
      refinements: described(
        optional(integer({ min: 1, max: 64 }), 2),
        'In how many steps each scale is drawn: one is VAR’s way, more let its tokens see each other.',
      ),
      choiceTemperature: described(
        optional(number({ min: 0, max: 100 }), 1),
        'How random the choice of the tokens to keep is: 0 is greedy, more is more varied.',
      ),
    }),
  build: () => ({
    open: (layout, { rows, kept, rng, options: { refinements, choiceTemperature } }) => {
      const all = missingOf(layout, kept, NAME);
      const parts = layout.scales
        .map((scale) => all.filter((position) => lies(position, scale)))
        .filter((missing) => missing.length > 0)
        .map((missing) => ({ missing, sizes: setSizes(missing.length, Math.min(refinements, missing.length)) }));
      return openPlan(parts, { rows: rows.length, rng, temperature: choiceTemperature });
    },
    visit: (layout, key_L) =>
      Int32Array.from(
        layout.scales.flatMap((scale) =>
          byKey(
            allPositions(layout).filter((position) => lies(position, scale)),
            key_L,
          ),
        ),
      ),
    stops: () => null,
  }),
});

const lies = (position: number, { start, height, width }: Scale): boolean =>
  position >= start && position < start + height * width;

/** What is missing of a scale, the same in every row, and how many of it each step keeps. */
interface Part {
  readonly missing: readonly number[];
  readonly sizes: readonly number[];
}

interface Choosing {
  readonly rows: number;
  readonly rng: SampleRng;
  /** Factor on the Gumbel noise of the first step of a scale; it falls to 0 at the last. */
  readonly temperature: number;
}

function openPlan(parts: readonly Part[], { rows, rng, temperature }: Choosing): Plan {
  const of = parts.reduce((sum, { sizes }) => sum + sizes.length, 0);
  /** Per row, ascending; and how random the choice of the step is. */
  let [missing, noise]: [readonly (readonly number[])[], number] = [[], 0];
  return {
    *steps() {
      let [index, before] = [0, parts.reduce((sum, part) => sum + part.missing.length, 0)];
      for (const part of parts) {
        missing = Array.from({ length: rows }, () => part.missing);
        for (const [step, size] of part.sizes.entries()) {
          noise = temperature * (1 - (step + 1) / part.sizes.length);
          yield { index: index++, of, before, after: before - size, positions_Bl: Int32Array.from(missing.flat()) };
          before -= size;
        }
      }
    },
    choose(step, { confidence_Bl }) {
      const chosen = chooseSurest(step, { confidence_Bl: confidence_Bl!, rows, rng, temperature: noise });
      const taken = new Set(chosen.slots_Bl);
      const l = missing[0]!.length;
      missing = missing.map((positions, row) => positions.filter((_, i) => !taken.has(row * l + i)));
      return chosen;
    },
    dispose: () => undefined,
  };
}
