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
} from '@tessera/plugin-kit';

const NAME = '@tessera-examples/order-remasking';

const { object, integer, number, optional, described } = schema;

/**
 * MaskGIT's order (arXiv 2202.04200, section 3.2), and then rounds in which the tokens of which the model was least sure are
 * drawn again, now that it sees all others: the remasking by confidence of ReMDM's loop (arXiv 2503.00307, section 4).
 */
export const remaskingOrder = defineOrder({
  contract: 2,
  name: NAME,
  stride: 'set',
  needsConfidence: true,
  revisits: true, // its steps may say `again_Ba`
  config: object({}),
  options: ({ length }) =>
    object({
      steps: described(
        optional(integer({ min: 1, max: length }), Math.min(12, length)),
        'Sets in which all tokens are drawn; fewer are faster.',
      ),
      rounds: described(optional(integer({ min: 0, max: 16 }), 4), 'So many steps more draw tokens again.'),
      share: described(
        optional(number({ min: 0.01, max: 1 }), 0.15),
        'How many of the tokens each of these draws again.',
      ),
      choiceTemperature: described(
        optional(number({ min: 0, max: 100 }), 4.5),
        'How random the choice of the tokens to keep is: 0 is greedy, more is more varied.',
      ),
    }),
  build: () => ({
    open: (layout, { rows, kept, rng, options }) => {
      const missing = missingOf(layout, kept, NAME);
      return openPlan({ ...options, missing, rows: rows.length, rng });
    },
    visit: (layout, key_L) => Int32Array.from(byKey(allPositions(layout), key_L)),
    stops: () => null,
  }),
});

interface Request {
  readonly steps: number;
  readonly rounds: number;
  readonly share: number;
  readonly choiceTemperature: number;
  /** Positions that are to be drawn, of every row. */
  readonly missing: readonly number[];
  readonly rows: number;
  readonly rng: SampleRng;
}

function openPlan({ steps, rounds, share, choiceTemperature, missing, rows, rng }: Request): Plan {
  const sizes = setSizes(missing.length, Math.min(steps, missing.length));
  const of = sizes.length + rounds;
  const again = Math.max(1, Math.round(share * missing.length));
  /** Of each row: how sure the model was of a token when it was drawn, by position. */
  const sure = Array.from({ length: rows }, () => new Map<number, number>());

  return {
    *steps() {
      for (const [index, size] of sizes.entries()) {
        const left = sure.flatMap((drawn) => missing.filter((position) => !drawn.has(position)));
        const before = left.length / rows;
        yield { index, of, before, after: before - size, positions_Bl: Int32Array.from(left) };
      }
      for (let index = sizes.length; index < of; index++) {
        const again_Ba = Int32Array.from(sure.flatMap((drawn) => leastSure(drawn, again)));
        yield { index, of, before: again, after: 0, positions_Bl: again_Ba, again_Ba };
      }
    },
    choose(step, { confidence_Bl }) {
      const temperature = choiceTemperature * Math.max(0, 1 - (step.index + 1) / sizes.length);
      const chosen = chooseSurest(step, { confidence_Bl: confidence_Bl!, temperature, rows, rng });
      const l = step.positions_Bl.length / rows;
      for (const slot of chosen.slots_Bl)
        sure[Math.floor(slot / l)]!.set(step.positions_Bl[slot]!, confidence_Bl![slot]!);
      return chosen;
    },
    dispose: () => undefined,
  };
}

/** The positions of which the model was least sure, ascending. */
function leastSure(drawn: ReadonlyMap<number, number>, count: number): number[] {
  const byDoubt = [...drawn].sort(([at, one], [other, two]) => one - two || at - other);
  return byDoubt
    .slice(0, count)
    .map(([position]) => position)
    .sort((a, b) => a - b);
}
