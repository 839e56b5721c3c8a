import { schema, type Field } from './schema.ts';
import type { Layout } from './tokens.ts';

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
