import { pixelBox, WHOLE, type Box, type Frame, type Point } from './frame.ts';
import { fromRuns, type Runs } from './runs.ts';
import { between, boxPixels, lassoPixels, rectanglePixels, strokePixels, wholeTokens } from './shapes.ts';

/*
 * What is to be redrawn is a list of what the person did. It holds fractions of the frame and no pixels, so that it can be
 * stored, taken back, and drawn for a model of another size.
 */

interface Drawn {
  /** Whether it marks, or takes marks away. */
  readonly marks: boolean;
  /** Whether it takes tokens as a whole. */
  readonly whole: boolean;
}

type Shape =
  | { readonly kind: 'stroke'; readonly points: readonly Point[]; readonly breadth: number }
  | { readonly kind: 'lasso'; readonly points: readonly Point[] }
  | { readonly kind: 'rectangle'; readonly from: Point; readonly to: Point };

export type Operation =
  | (Drawn & Shape)
  | { readonly kind: 'invert' }
  | { readonly kind: 'clear' }
  /** That of an earlier edit, in place of what is marked. */
  | ({ readonly kind: 'mask' } & Runs)
  /** The picture is shrunk into this part of the frame; what is around it is drawn. */
  | { readonly kind: 'place'; readonly place: Box };

/** 1 for each pixel that is redrawn, and the part of the frame in which the picture lies. */
export interface Marked {
  readonly mask: Uint8Array;
  readonly place: Box;
}

export function nothingMarked({ width, height }: Frame): Marked {
  return { mask: new Uint8Array(width * height), place: WHOLE };
}

export function apply(marked: Marked, operation: Operation, frame: Frame): Marked {
  switch (operation.kind) {
    case 'clear':
      return { ...marked, mask: new Uint8Array(marked.mask.length) };
    case 'invert':
      return { ...marked, mask: marked.mask.map((one) => 1 - one) };
    case 'mask':
      return { ...marked, mask: fromRuns(operation, frame) };
    case 'place':
      return moved(marked, snapped(operation.place, frame), frame);
    default: {
      const pixels = shapePixels(operation, frame);
      const value = operation.marks ? 1 : 0;
      return { ...marked, mask: marked.mask.map((one, pixel) => (pixels[pixel] ? value : one)) };
    }
  }
}

function shapePixels(operation: Drawn & Shape, frame: Frame): Uint8Array {
  switch (operation.kind) {
    case 'stroke': {
      const pixels = strokePixels(operation.points, operation.breadth, frame);
      return operation.whole ? wholeTokens(pixels, between(operation.points, frame), frame) : pixels;
    }
    case 'lasso': {
      const pixels = lassoPixels(operation.points, frame);
      return operation.whole ? wholeTokens(pixels, operation.points.slice(0, 1), frame) : pixels;
    }
    case 'rectangle': {
      const pixels = rectanglePixels(operation.from, operation.to, frame);
      return operation.whole ? wholeTokens(pixels, [operation.from], frame) : pixels;
    }
  }
}

/** All of a list in turn. */
export function markedBy(operations: readonly Operation[], frame: Frame): Marked {
  return operations.reduce((marked, operation) => apply(marked, operation, frame), nothingMarked(frame));
}

/** What is redrawn in the end: what is marked, and what is not known of the picture. */
export function redrawn({ mask }: Marked, unknown: Uint8Array): Uint8Array {
  return mask.map((one, pixel) => one | unknown[pixel]!);
}

/** A place whose edges lie between tokens, at least one token large: a token that the border cuts would be redrawn anyway. */
function snapped({ x0, y0, x1, y1 }: Box, { columns, rows }: Frame): Box {
  const left = Math.max(0, Math.min(columns - 1, Math.round(x0 * columns)));
  const top = Math.max(0, Math.min(rows - 1, Math.round(y0 * rows)));
  const right = Math.min(columns, Math.max(left + 1, Math.round(x1 * columns)));
  const bottom = Math.min(rows, Math.max(top + 1, Math.round(y1 * rows)));
  return { x0: left / columns, y0: top / rows, x1: right / columns, y1: bottom / rows };
}

/** What is marked of the picture goes with it into its new place. */
function moved({ mask, place }: Marked, to: Box, frame: Frame): Marked {
  const [before, after] = [pixelBox(place, frame), pixelBox(to, frame)];
  const inside = boxPixels(to, frame);
  const source = (at: number, [from, until]: readonly [number, number], [old, oldEnd]: readonly [number, number]) =>
    old + Math.floor(((at + 0.5 - from) / (until - from)) * (oldEnd - old));
  return {
    place: to,
    mask: mask.map((_, pixel) => {
      if (!inside[pixel]) return 0;
      const x = source(pixel % frame.width, [after.left, after.right], [before.left, before.right]);
      const y = source(Math.floor(pixel / frame.width), [after.top, after.bottom], [before.top, before.bottom]);
      return mask[y * frame.width + x]!;
    }),
  };
}

/** Where a picture lies when none of it is cut off; all of the frame where it has the frame's shape. */
export function wholePlace(picture: { readonly width: number; readonly height: number }, frame: Frame): Box {
  const scale = Math.min(frame.width / picture.width, frame.height / picture.height);
  const [x, y] = [(picture.width * scale) / frame.width / 2, (picture.height * scale) / frame.height / 2];
  return snapped({ x0: 0.5 - x, x1: 0.5 + x, y0: 0.5 - y, y1: 0.5 + y }, frame);
}

export function isWhole({ x0, y0, x1, y1 }: Box): boolean {
  return x0 === 0 && y0 === 0 && x1 === 1 && y1 === 1;
}

export type Side = 'left' | 'right' | 'top' | 'bottom';

/** The picture is never made smaller than this part of the frame. */
const LEAST_PART = 0.25;

/**
 * Where the picture lies after one edge of the frame was drawn outwards by a part of its length. The frame keeps its shape,
 * so the picture shrinks towards the other edge, and evenly to the middle across it.
 */
export function extended({ x0, y0, x1, y1 }: Box, side: Side, by: number): Box {
  const least = LEAST_PART / Math.min(x1 - x0, y1 - y0);
  const scale = Math.min(1, Math.max(least, 1 / (1 + Math.max(0, by))));
  const towards = (value: number, fixed: number) => fixed + (value - fixed) * scale;
  const fixedX = side === 'left' ? 1 : side === 'right' ? 0 : 0.5;
  const fixedY = side === 'top' ? 1 : side === 'bottom' ? 0 : 0.5;
  return { x0: towards(x0, fixedX), x1: towards(x1, fixedX), y0: towards(y0, fixedY), y1: towards(y1, fixedY) };
}

/** What was done, of which the last part may be taken back. */
export interface History {
  readonly operations: readonly Operation[];
  /** How many of them hold. */
  readonly done: number;
}

export const emptyHistory: History = { operations: [], done: 0 };

export function done({ operations, done: count }: History): readonly Operation[] {
  return operations.slice(0, count);
}

export function add(history: History, operation: Operation): History {
  return { operations: [...done(history), operation], done: history.done + 1 };
}

export function undo(history: History): History {
  return { ...history, done: Math.max(0, history.done - 1) };
}

export function redo(history: History): History {
  return { ...history, done: Math.min(history.operations.length, history.done + 1) };
}
