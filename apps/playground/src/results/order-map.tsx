import { memo } from 'react';
import type { Step, TokenMap } from '../api/types.ts';
import { cellsIn, positionsOf, stepColour } from './order-cells.ts';

interface Props {
  readonly map: TokenMap;
  /** Those to show; the last is outlined. */
  readonly steps: readonly Step[];
  readonly image: number;
}

/** Which tokens of a map came when: a grid whose cells have the colour of their step. */
export function OrderMap({ map, steps, image }: Props) {
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

interface CellsProps {
  readonly map: TokenMap;
  readonly step: Step;
  readonly image: number;
  readonly isNewest: boolean;
}

/** Kept from step to step: with many images only the newest cells are drawn. */
const StepCells = memo(function StepCells({ map, step, image, isNewest }: CellsProps) {
  return (
    <g fill={stepColour(step.index, step.of)} className={isNewest ? 'newest' : undefined}>
      {cellsIn(map, positionsOf(step, image)).map(({ position, row, column }) => (
        <rect key={position} className="cell" x={column} y={row} width="1" height="1" />
      ))}
    </g>
  );
});
