import { useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import type { Base } from './base.ts';
import { cutPicture } from '../mask/compose.ts';
import { coloursOf, drawStage, type Scene } from './draw.ts';
import { EdgeHandles } from './edge-handles.tsx';
import { freedTokens, type Frame } from '../mask/frame.ts';
import { areFreed, chosenBox, describeCells, firstCell, moveCells, type CellCursor } from './keys.ts';
import { apply, redrawn, type Marked, type Operation } from '../mask/mask.ts';
import { useDrawing, type Tool } from './use-drawing.ts';
import { inSight, laid, type Laid, type View } from './view.ts';

interface StageProps {
  readonly base: Base;
  readonly frame: Frame;
  readonly marked: Marked;
  readonly tool: Tool;
  readonly view: View;
  /** Whether keys are to go to it at once. */
  readonly takesFocus: boolean;
  /** Is told how large the stage is, in CSS pixels. */
  readonly stageSize: RefObject<Size>;
  onView(view: View): void;
  onOperation(operation: Operation): void;
}

/** The picture as the model sees it, on which one draws what is to be redrawn. */
export function Stage(props: StageProps) {
  const { base, frame, marked, tool, view, takesFocus, stageSize, onView, onOperation } = props;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (takesFocus) box.current!.focus({ preventScroll: true });
  }, [takesFocus]);
  const size = useSize(box);
  useEffect(() => void (stageSize.current = size), [stageSize, size]);
  const place = laid(frame, size, view);
  const [pulled, setPulled] = useState<Operation | null>(null);
  const drawing = useDrawing({ box, frame, place, size, tool, view, onView, onOperation });
  const active = pulled ?? drawing.active;
  const shown = useMemo(() => (active ? apply(marked, active, frame) : marked), [active, marked, frame]);
  const cut = useCut(base, shown, frame);
  const mask = useMemo(() => redrawn(shown, cut.unknown), [shown, cut]);
  const freed = useMemo(() => freedTokens(mask, frame), [mask, frame]);
  const cells = useCells({ frame, freed, onOperation });
  useCursorInSight(cells.cursor, { frame, place, view, size, onView });
  const line = active?.kind === 'lasso' ? active.points : null;
  const canvas = useScene({ cut, mask, freed, frame, cursor: cells.cursor, line, brush: drawing.brush }, size, place);
  const count = freed.reduce((sum, one) => sum + one, 0);
  return (
    <div className="edit-stage" data-freed={count}>
      <div
        ref={box}
        className="edit-canvas"
        role="application"
        aria-roledescription="mask editor"
        aria-label="The picture: arrows choose a token, X marks it, Shift and arrows choose several"
        aria-describedby="edit-freed"
        tabIndex={0}
        onKeyDown={cells.onKeyDown}
        onBlur={cells.leave}
        {...drawing.handlers}
      >
        <canvas ref={canvas} width={1} height={1} aria-hidden="true" />
      </div>
      <EdgeHandles {...{ frame, at: place, size, place: marked.place }} onPull={setPulled} onOperation={onOperation} />
      <p id="edit-freed" className="edit-freed">
        {count === 0
          ? 'Draw over the part that is to change, or drag an edge of the picture outwards.'
          : `${count} of ${freed.length} tokens are drawn again. What is hatched changes; every other pixel stays as it is.`}
        {view.zoom > 1 && ' W, A, S and D move the picture, 0 fits it.'}
      </p>
      <p className="unseen" aria-live="polite">
        {cells.cursor && describeCells(cells.cursor, freed, frame)}
      </p>
    </div>
  );
}

function useCut({ bitmap }: Base, { place }: Marked, frame: Frame) {
  const { x0, y0, x1, y1 } = place;
  return useMemo(() => cutPicture(bitmap, { x0, y0, x1, y1 }, frame), [bitmap, x0, y0, x1, y1, frame]);
}

interface Cells {
  readonly frame: Frame;
  readonly freed: Uint8Array;
  onOperation(operation: Operation): void;
}

/** The tokens as keys go through them. */
function useCells({ frame, freed, onOperation }: Cells) {
  const [kept, setCursor] = useState<CellCursor | null>(null);
  // A model of fewer tokens may have none where the cursor was.
  const cursor = kept && kept.at.row < frame.rows && kept.at.column < frame.columns ? kept : null;
  const mark = (at: CellCursor) => {
    const { x0, y0, x1, y1 } = chosenBox(at, frame);
    const marks = !areFreed(at, freed, frame);
    onOperation({ kind: 'rectangle', from: { x: x0, y: y0 }, to: { x: x1, y: y1 }, marks, whole: false });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moved = cursor ? moveCells(cursor, event, frame) : moveCells(firstCell, event, frame) && firstCell;
    if (moved) setCursor(moved);
    else if (event.key.toLowerCase() === 'x' || event.key === ' ') mark(cursor ?? firstCell);
    else return;
    if (!moved && !cursor) setCursor(firstCell);
    event.preventDefault();
  };
  return { cursor, onKeyDown, leave: () => setCursor(null) };
}

interface Looking extends Pick<StageProps, 'frame' | 'view' | 'onView'> {
  readonly place: Laid;
  readonly size: Size;
}

/** A token that keys have chosen may lie outside of what is in sight. */
function useCursorInSight(cursor: CellCursor | null, { frame, place, view, size, onView }: Looking): void {
  useEffect(() => {
    if (!cursor || view.zoom === 1) return;
    const [width, height] = [(frame.width * place.scale) / frame.columns, (frame.height * place.scale) / frame.rows];
    const [left, top] = [place.left + cursor.at.column * width, place.top + cursor.at.row * height];
    const next = inSight(view, { left, top, right: left + width, bottom: top + height }, size);
    if (next !== view) onView(next);
    // Only when it moves: a view that is moved away from it stays there.
  }, [cursor]);
}

function useSize(box: RefObject<HTMLDivElement | null>) {
  const [size, setSize] = useState({ width: 1, height: 1 });
  useLayoutEffect(() => {
    const measure = () => setSize({ width: box.current!.clientWidth, height: box.current!.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, [box]);
  return size;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Draws the scene whenever something of it changes. */
function useScene(scene: Scene, size: Size, place: ReturnType<typeof laid>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const dots = window.devicePixelRatio;
    const { current } = canvas;
    const [width, height] = [Math.round(size.width * dots), Math.round(size.height * dots)];
    if (current!.width !== width) current!.width = width;
    if (current!.height !== height) current!.height = height;
    const context = current!.getContext('2d')!;
    context.setTransform(dots, 0, 0, dots, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    drawStage(context, scene, { laid: place, colours: coloursOf(current!) });
  });
  return canvas;
}
