import { useEffect, useRef, useState, type PointerEvent, type RefObject } from 'react';
import type { Frame, Point } from '../mask/frame.ts';
import type { ToolName } from './keys.ts';
import type { Operation } from '../mask/mask.ts';
import { NO_MOVE, toFrame, zoomed, type Laid, type View } from './view.ts';

export interface Tool {
  readonly name: ToolName;
  /** Of the brush, as a fraction of the frame's shorter edge. */
  readonly breadth: number;
  /** Whether it takes tokens as a whole. */
  readonly whole: boolean;
}

interface Drawing {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly frame: Frame;
  readonly place: Laid;
  readonly size: { readonly width: number; readonly height: number };
  readonly tool: Tool;
  readonly view: View;
  onView(view: View): void;
  onOperation(operation: Operation): void;
}

/** Pointers on the stage: one draws, two move and zoom, the middle button moves, the wheel zooms. */
export function useDrawing({ box, frame, place, size, tool, view, onView, onOperation }: Drawing) {
  const pointers = useRef(new Map<number, Point>());
  const [active, show] = useState<Operation | null>(null);
  // Pointers may be faster than the page is drawn.
  const drawn = useRef<Operation | null>(null);
  const setActive = (operation: Operation | null) => {
    drawn.current = operation;
    show(operation);
  };
  const [hover, setHover] = useState<Point | null>(null);
  const isMoving = useRef(false);
  const moves = useMoves(view, pointers, { size, onView });
  const pointOf = ({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }): Point => {
    const { left, top } = box.current!.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const inFrame = (at: Point) => toFrame(at, place, frame);
  useWheel(box, (event) => {
    const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002));
    onView(zoomed(view, factor, { at: pointOf(event), by: NO_MOVE, stage: size }));
  });

  const onPointerDown = (event: PointerEvent) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = pointOf(event);
    pointers.current.set(event.pointerId, at);
    isMoving.current = pointers.current.size > 1 || event.button === 1;
    if (isMoving.current) return setActive(null);
    if (event.button === 0) setActive(begun(tool, inFrame(at), !event.altKey));
  };
  const onPointerMove = (event: PointerEvent) => {
    const at = pointOf(event);
    setHover(event.pointerType === 'touch' ? null : inFrame(at));
    if (!pointers.current.has(event.pointerId)) return;
    if (isMoving.current) {
      moves.note(event.pointerId, at);
    } else {
      const all = event.nativeEvent.getCoalescedEvents?.() ?? [];
      const points = (all.length > 0 ? all : [event.nativeEvent]).map((one) => inFrame(pointOf(one)));
      if (drawn.current) setActive(grown(drawn.current, points));
    }
  };
  const end = (event: PointerEvent, isKept: boolean) => {
    moves.apply();
    pointers.current.delete(event.pointerId);
    if (isKept && drawn.current && pointers.current.size === 0) onOperation(drawn.current);
    setActive(null);
    if (pointers.current.size === 0) isMoving.current = false;
  };
  const radius = (tool.breadth * Math.min(frame.width, frame.height)) / 2;
  const hasBrush = tool.name === 'brush' || tool.name === 'eraser';
  return {
    active,
    brush: hover && hasBrush ? { at: hover, radius } : null,
    handlers: {
      onPointerDown,
      onPointerMove,
      onPointerUp: (event: PointerEvent) => end(event, true),
      onPointerCancel: (event: PointerEvent) => end(event, false),
      onPointerLeave: () => setHover(null),
    },
  };
}

/** React listens to the wheel without the right to keep the page from scrolling. */
function useWheel(box: RefObject<HTMLDivElement | null>, onWheel: (event: WheelEvent) => void): void {
  const newest = useRef(onWheel);
  useEffect(() => void (newest.current = onWheel));
  useEffect(() => {
    const { current } = box;
    const listen = (event: WheelEvent) => {
      event.preventDefault();
      newest.current(event);
    };
    current!.addEventListener('wheel', listen, { passive: false });
    return () => current!.removeEventListener('wheel', listen);
  }, [box]);
}

function begun({ name, breadth, whole }: Tool, at: Point, marks: boolean): Operation {
  switch (name) {
    case 'brush':
    case 'eraser':
      return { kind: 'stroke', points: [at], breadth, whole, marks: marks && name === 'brush' };
    case 'lasso':
      return { kind: 'lasso', points: [at], whole, marks };
    case 'rectangle':
      return { kind: 'rectangle', from: at, to: at, whole, marks };
  }
}

/** Points closer than this to the last one, as fractions of the frame, say nothing new. */
const NEAR = 0.004;

function grown(operation: Operation, points: readonly Point[]): Operation {
  if (operation.kind === 'rectangle') return { ...operation, to: points.at(-1)! };
  if (operation.kind !== 'stroke' && operation.kind !== 'lasso') return operation;
  const all = [...operation.points];
  for (const point of points) {
    const last = all.at(-1)!;
    if (Math.hypot(point.x - last.x, point.y - last.y) >= NEAR) all.push(point);
  }
  return { ...operation, points: all };
}

type Pointers = ReadonlyMap<number, Point>;

/** Where pointers move the view: once a frame, so that fingers that move together do not zoom it in between. */
function useMoves(
  view: View,
  pointers: RefObject<Map<number, Point>>,
  { size, onView }: Pick<Drawing, 'size' | 'onView'>,
) {
  const newest = useRef({ view, size, onView });
  useEffect(() => void (newest.current = { view, size, onView }));
  /** Where they were when the view was last moved. */
  const before = useRef<Pointers | null>(null);
  const apply = () => {
    const from = before.current;
    before.current = null;
    if (!from) return;
    const { view: old, size: stage, onView: look } = newest.current;
    const next = pinched(old, [from, pointers.current], stage);
    newest.current = { ...newest.current, view: next };
    look(next);
  };
  const note = (id: number, at: Point) => {
    if (!before.current) {
      before.current = new Map(pointers.current);
      requestAnimationFrame(apply);
    }
    pointers.current.set(id, at);
  };
  return { note, apply };
}

/** One pointer moves the view; of two the distance zooms it, too. */
export function pinched(view: View, [from, to]: readonly [Pointers, Pointers], stage: Drawing['size']): View {
  const ids = [...from.keys()].filter((id) => to.has(id)).slice(0, 2);
  if (ids.length === 0) return view;
  const middle = (points: Pointers): Point => ({
    x: ids.reduce((sum, id) => sum + points.get(id)!.x, 0) / ids.length,
    y: ids.reduce((sum, id) => sum + points.get(id)!.y, 0) / ids.length,
  });
  const reach = (points: Pointers): number => {
    const [one, other] = ids.map((id) => points.get(id)!);
    return other ? Math.max(1, Math.hypot(one!.x - other.x, one!.y - other.y)) : 1;
  };
  const [at, until] = [middle(from), middle(to)];
  return zoomed(view, reach(to) / reach(from), { at, by: { x: until.x - at.x, y: until.y - at.y }, stage });
}
