import { useRef, type PointerEvent } from 'react';
import type { Box, Frame } from '../mask/frame.ts';
import { extended, type Operation, type Side } from '../mask/mask.ts';
import type { Laid } from './view.ts';

const sides: readonly { readonly side: Side; readonly name: string; readonly arrow: string }[] = [
  { side: 'left', name: 'Extend to the left', arrow: '‹' },
  { side: 'right', name: 'Extend to the right', arrow: '›' },
  { side: 'top', name: 'Extend upwards', arrow: '‹' },
  { side: 'bottom', name: 'Extend downwards', arrow: '›' },
];

/** A pointer that moved less, in CSS pixels, has pressed the handle instead of dragging it. */
const STILL = 4;

interface EdgeHandlesProps {
  readonly frame: Frame;
  readonly at: Laid;
  /** Of the stage, in CSS pixels. */
  readonly size: { readonly width: number; readonly height: number };
  readonly place: Box;
  /** What it would be, while the edge is dragged; null at its end. */
  onPull(operation: Operation | null): void;
  onOperation(operation: Operation): void;
}

/** A handle at each edge: dragging it outwards makes room for more; pressing it, for one more row of tokens. */
export function EdgeHandles({ frame, at, size, place, onPull, onOperation }: EdgeHandlesProps) {
  const [width, height] = [frame.width * at.scale, frame.height * at.scale];
  const where: Readonly<Record<Side, readonly [x: number, y: number]>> = {
    left: [at.left, at.top + height / 2],
    right: [at.left + width, at.top + height / 2],
    top: [at.left + width / 2, at.top],
    bottom: [at.left + width / 2, at.top + height],
  };
  // Of a picture that is zoomed some edges lie outside of the stage.
  const isInside = ({ side }: { readonly side: Side }) => {
    const [x, y] = where[side];
    return x >= 0 && y >= 0 && x <= size.width && y <= size.height;
  };
  return sides.filter(isInside).map(({ side, name, arrow }) => (
    <Handle
      key={side}
      {...{ side, name, arrow, at: where[side] }}
      onMove={(pixels) => onPull({ kind: 'place', place: extended(place, side, pixels / lengthOf(side)) })}
      onEnd={(pixels) => {
        onPull(null);
        const tokens = side === 'left' || side === 'right' ? frame.columns : frame.rows;
        // One more row of tokens: the picture gets so much smaller.
        const by = pixels === null ? 1 / (tokens - 1 || 1) : pixels / lengthOf(side);
        if (by > 0) onOperation({ kind: 'place', place: extended(place, side, by) });
      }}
    />
  ));

  function lengthOf(side: Side): number {
    return side === 'left' || side === 'right' ? width : height;
  }
}

interface HandleProps {
  readonly side: Side;
  readonly name: string;
  readonly arrow: string;
  readonly at: readonly [x: number, y: number];
  /** By how many CSS pixels it was drawn outwards. */
  onMove(pixels: number): void;
  /** Null where it was pressed. */
  onEnd(pixels: number | null): void;
}

function Handle({ side, name, arrow, at: [left, top], onMove, onEnd }: HandleProps) {
  const start = useRef<{ readonly x: number; readonly y: number } | null>(null);
  const dragged = useRef(false);
  const outwards = ({ clientX, clientY }: PointerEvent): number => {
    const { x, y } = start.current!;
    return { left: x - clientX, right: clientX - x, top: y - clientY, bottom: clientY - y }[side];
  };
  const finish = (event: PointerEvent, isKept: boolean) => {
    if (start.current && dragged.current) onEnd(isKept ? outwards(event) : 0);
    start.current = null;
  };
  return (
    <button
      type="button"
      className={`edit-handle ${side}`}
      aria-label={name}
      title={`${name}: drag, or press for one more row`}
      style={{ left, top }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, y: event.clientY };
        dragged.current = false;
      }}
      onPointerMove={(event) => {
        if (!start.current) return;
        if (Math.abs(outwards(event)) >= STILL) dragged.current = true;
        if (dragged.current) onMove(outwards(event));
      }}
      onPointerUp={(event) => finish(event, true)}
      onPointerCancel={(event) => finish(event, false)}
      onClick={() => {
        if (!dragged.current) onEnd(null);
        dragged.current = false;
      }}
    >
      <span aria-hidden="true">{arrow}</span>
    </button>
  );
}
