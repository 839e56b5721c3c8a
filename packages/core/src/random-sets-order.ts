import type { SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Kept, OrderPlugin } from './contracts.ts';
import { schema } from './schema.ts';
import type { Step } from './step.ts';
import type { Layout } from './tokens.ts';

/** Request-time options of the order of random sets. */
export interface RandomSetsOptions {
  /** How many sets the tokens come in. */
  readonly steps: number;
}

const DEFAULT_STEPS = 64;

/**
 * MAR's order (section 3.3 of arXiv 2406.11838): every row has a random order of its own; the sets grow as the cosine
 * falls. Kept tokens are left out.
 */
export const randomSetsOrder: OrderPlugin<Readonly<Record<string, never>>, RandomSetsOptions> = {
  contract: 1,
  kind: 'order',
  name: 'random-sets',
  stride: 'set',
  config: schema.object({}),
  options: ({ length }) => {
    const steps = schema.refine(
      schema.integer({ min: 1 }),
      (count) => (count <= length ? null : `at most ${length}, the number of tokens`),
      'steps-above-tokens',
    );
    const bounded = { ...steps, json: { ...steps.json, maximum: length } };
    return schema.object({
      steps: schema.described(
        schema.optional(bounded, Math.min(DEFAULT_STEPS, length)),
        'How many sets the tokens come in: fewer are faster, more are better.',
      ),
    });
  },
  build: () => ({
    open: (layout, { rows, kept, rng, options }) => {
      const missing = missingOf(layout, kept);
      const sizes = setSizes(missing.length, Math.min(options.steps, missing.length));
      const orders = rows.map((_, row) => shuffled(missing, row, rng));
      return { steps: () => setSteps(orders, sizes), dispose: () => undefined };
    },
  }),
};

function missingOf({ length }: Layout, kept: Kept | null): number[] {
  const missing = Array.from({ length }, (_, position) => position).filter((position) => !kept?.keep_L[position]);
  if (missing.length > 0) return missing;
  throw new TesseraError({
    code: 'nothing-to-do',
    who: 'random-sets',
    got: 'a mask that keeps every token',
    expected: 'at least one token to make anew',
    next: 'Free some tokens.',
  });
}

/** A row's order depends on its seed alone: positions by random keys. */
function shuffled(positions: readonly number[], row: number, rng: SampleRng): number[] {
  const keys = rng.uniform({ row, stream: 'order', step: 0, position: 0 }, positions.length);
  const places = positions.map((position, i) => ({ position, key: keys[i]! }));
  return places.sort((a, b) => a.key - b.key || a.position - b.position).map(({ position }) => position);
}

/**
 * Tokens of each step: after step s of S, floor(L cos(pi/2 (s+1)/S)) are still missing, but at least one, and at least one
 * fewer than before; the last step takes the rest. S is at most L.
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

/** Steps of given sizes through one order per row. */
export function* setSteps(orders: readonly (readonly number[])[], sizes: readonly number[]): Generator<Step> {
  let before = orders[0]!.length;
  let done = 0;
  for (const [index, size] of sizes.entries()) {
    const positions_Bl = Int32Array.from(
      orders.flatMap((order) => order.slice(done, done + size).sort((a, b) => a - b)),
    );
    yield { index, of: sizes.length, before, after: before - size, positions_Bl };
    before -= size;
    done += size;
  }
}
