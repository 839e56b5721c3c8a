import type { SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Kept } from './contracts.ts';
import type { Step } from './step.ts';
import type { Layout } from './tokens.ts';

/** Positions by ascending keys, `key_L[position]`; of equal keys the lower position first. */
export function byKey(positions: readonly number[], key_L: ArrayLike<number>): number[] {
  return [...positions].sort((a, b) => key_L[a]! - key_L[b]! || a - b);
}

/** All positions of a layout, ascending. */
export function allPositions({ length }: Layout): number[] {
  return Array.from({ length }, (_, position) => position);
}

/** One random number a given position: a row's order depends on its seed alone. */
export function shuffled(positions: readonly number[], row: number, rng: SampleRng): number[] {
  const keys = rng.uniform({ row, stream: 'order', step: 0, position: 0 }, positions.length);
  const key_L: number[] = [];
  for (const [i, position] of positions.entries()) key_L[position] = keys[i]!;
  return byKey(positions, key_L);
}

/** Positions whose tokens are not kept. @throws TesseraError `nothing-to-do` where all are */
export function missingOf(layout: Layout, kept: Kept | null, who: string): number[] {
  const missing = allPositions(layout).filter((position) => !kept?.keep_L[position]);
  if (missing.length > 0) return missing;
  throw new TesseraError({
    code: 'nothing-to-do',
    who,
    got: 'a mask that keeps every token',
    expected: 'at least one token to make anew',
    next: 'Free some tokens.',
  });
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

/** One token a step through one order per row. */
export function tokenSteps(orders: readonly (readonly number[])[]): Generator<Step> {
  return setSteps(
    orders,
    orders[0]!.map(() => 1),
  );
}
