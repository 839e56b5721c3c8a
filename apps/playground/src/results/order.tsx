import { memo } from 'react';
import type { Step, TokenMap } from '../api/operations.ts';

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

interface OrderMapProps {
  readonly map: TokenMap;
  /** Those to show; the last is outlined. */
  readonly steps: readonly Step[];
  readonly image: number;
}

/** Which tokens of a map came when: a grid whose cells have the colour of their step. */
export function OrderMap({ map, steps, image }: OrderMapProps) {
  const { height, width } = map;
  return (
    <svg className="order" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <rect className="ground" width={width} height={height} />
      {steps.map((step, index) => (
        <StepCells key={step.index} map={map} step={step} image={image} isNewest={index === steps.length - 1} />
      ))}
    </svg>
  );
}

interface StepCellsProps {
  readonly map: TokenMap;
  readonly step: Step;
  readonly image: number;
  readonly isNewest: boolean;
}

/** Kept from step to step: with many images only the newest cells are drawn. */
const StepCells = memo(function StepCells({ map, step, image, isNewest }: StepCellsProps) {
  return (
    <g fill={stepColour(step.index, step.of)} className={isNewest ? 'newest' : undefined}>
      {cellsIn(map, positionsOf(step, image)).map(({ position, row, column }) => (
        <rect key={position} className="cell" x={column} y={row} width="1" height="1" />
      ))}
    </g>
  );
});

/** What the colours of the order mean. */
export function OrderLegend() {
  const colours = Array.from({ length: 9 }, (_, index) => stepColour(index, 9)).join(', ');
  return (
    <p className="legend">
      first <i aria-hidden="true" style={{ background: `linear-gradient(90deg in oklab, ${colours})` }} /> last
      <span>Colour of a token: the step that wrote it. Outlined: the step shown.</span>
    </p>
  );
}
