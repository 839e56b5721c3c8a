import type { SampleRng } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { schema } from '@tessera/schema';
import type { Kept } from './contracts.ts';
import { scaleAt, type Layout, type Step } from './tokens.ts';
import type { OrderPlugin } from './plugin.ts';

/* Orders by scales and by single tokens, and what every order is made of. Orders by sets: `set-orders.ts`. */

/** No configuration, or no options. */
export type Nothing = Readonly<Record<string, never>>;

/** VAR's order (section 3.2 of arXiv 2404.02905): all tokens of a scale in one step, coarse to fine. */
export const nextScaleOrder: OrderPlugin<Nothing, Nothing> = {
  contract: 1,
  kind: 'order',
  name: 'next-scale',
  package: '@tessera/core',
  stride: 'scale',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({
    open: (layout, { rows }) => ({
      steps: () => scaleSteps(layout, rows.length),
      dispose: () => undefined,
    }),
    visit: (layout) => Int32Array.from(allPositions(layout)),
    stops: ({ scales }) => scales.map(({ start }) => start),
  }),
};

function* scaleSteps(layout: Layout, rows: number): Generator<Step> {
  let before = layout.length;
  for (const [index, { start, height, width }] of layout.scales.entries()) {
    const l = height * width;
    const positions_Bl = new Int32Array(rows * l);
    for (let i = 0; i < positions_Bl.length; i++) positions_Bl[i] = start + (i % l);
    yield { index, of: layout.scales.length, before, after: before - l, positions_Bl };
    before -= l;
  }
}

/** One token a step, as they lie: row by row, coarse scales first. The baseline that both papers compare with. */
export const rasterOrder: OrderPlugin<Nothing, Nothing> = {
  contract: 1,
  kind: 'order',
  name: 'raster',
  package: '@tessera/core',
  stride: 'token',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({
    open: (layout, { rows }) => {
      const order = allPositions(layout);
      return { steps: () => tokenSteps(rows.map(() => order)), dispose: () => undefined };
    },
    visit: (layout) => Int32Array.from(allPositions(layout)),
    stops: () => null,
  }),
};

/**
 * One token a step, in a random order of each row's own (MAR, arXiv 2406.11838, section 3.3 and table 1). Kept tokens
 * come first: so a backbone that remembers what it saw has seen all of them before it makes the first new one.
 */
export const randomOrder: OrderPlugin<Nothing, Nothing> = {
  contract: 1,
  kind: 'order',
  name: 'random',
  package: '@tessera/core',
  stride: 'token',
  config: schema.object({}),
  options: () => schema.object({}),
  build: () => ({
    open: (layout, { rows, kept, rng }) => {
      const all = allPositions(layout);
      const isKept = (position: number): boolean => kept?.keep_L[position] === 1;
      const orders = rows.map((_, row) => {
        const order = shuffled(all, row, rng);
        return [...order.filter(isKept), ...order.filter((position) => !isKept(position))];
      });
      return { steps: () => tokenSteps(orders), dispose: () => undefined };
    },
    visit: (layout, key_L) => Int32Array.from(byKey(allPositions(layout), key_L)),
    stops: () => null,
  }),
};

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

/** Positions of the even and of the odd cells of a checkerboard, each in their order: around an odd cell all are even. */
export function checkerboard(positions: readonly number[], layout: Layout): { even: number[]; odd: number[] } {
  const isEven = (position: number): boolean => {
    const { start, width } = layout.scales[scaleAt(layout, position)]!;
    const cell = position - start;
    return (Math.floor(cell / width) + (cell % width)) % 2 === 0;
  };
  return { even: positions.filter(isEven), odd: positions.filter((position) => !isEven(position)) };
}

/** Positions whose tokens are not kept. @throws TesseraError `nothing-to-do` where all are */
export function missingOf(layout: Layout, kept: Kept | null, who: string): number[] {
  const missing = allPositions(layout).filter((position) => !kept?.keep_L[position]);
  if (missing.length > 0) return missing;
  throw new TesseraError({
    code: 'nothing-to-do',
    who,
    got: 'a mask that keeps every token',
    expected: 'at least one token to redraw',
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
