import type { Step, TokenMap } from '../api/types.ts';

export interface Cell {
  readonly position: number;
  readonly row: number;
  readonly column: number;
}

/** Positions that a step wrote in one image. */
export function positionsOf({ positions }: Step, image: number): readonly number[] {
  return (positions.length === 1 ? positions[0] : positions[image]) ?? [];
}

/** How many tokens a step wrote in an image; images of another batch got none. */
export function tokensOf({ positions }: Step): number {
  return Math.max(0, ...positions.map(({ length }) => length));
}

/** Those of the positions that lie in a map, and where. */
export function cellsIn({ start, height, width }: TokenMap, positions: readonly number[]): readonly Cell[] {
  return positions
    .filter((position) => position >= start && position < start + height * width)
    .map((position) => ({
      position,
      row: Math.floor((position - start) / width),
      column: (position - start) % width,
    }));
}

/** The map to lay over the picture, the one with the most tokens, and the others in their order. */
export function partMaps(layout: readonly TokenMap[]): {
  readonly over: TokenMap;
  readonly beside: readonly TokenMap[];
} {
  const size = ({ height, width }: TokenMap) => height * width;
  const over = layout.reduce((finest, map) => (size(map) > size(finest) ? map : finest));
  return { over, beside: layout.filter((map) => map !== over) };
}

/**
 * Colour of a step among `of`: lightness rises evenly from first to last, so that the order is seen without knowing the
 * hues, and also in gray. Screens can show all of them as they are.
 */
export function stepColour(index: number, of: number): string {
  const part = of > 1 ? index / (of - 1) : 0;
  const value = (from: number, to: number) => (from + (to - from) * part).toFixed(3);
  return `oklch(${value(0.34, 0.92)} 0.115 ${value(300, 105)})`;
}
