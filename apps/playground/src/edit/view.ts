import type { Point, Frame } from '../mask/frame.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** How the frame is looked at: how much larger than it fits, and how far its middle is from that of the stage, in CSS pixels. */
export interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export const FITTED: View = { zoom: 1, x: 0, y: 0 };

const MOST_ZOOM = 16;
/** Around the frame, for the handles of its edges. */
const MARGIN = 30;

/** Where the frame lies on the stage, in CSS pixels: `scale` of them for one pixel of the frame. */
export interface Laid {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

export function laid(frame: Size, stage: Size, { zoom, x, y }: View): Laid {
  const scale = fitScale(frame, stage) * zoom;
  return {
    scale,
    left: (stage.width - frame.width * scale) / 2 + x,
    top: (stage.height - frame.height * scale) / 2 + y,
  };
}

/** As large as fits; small pictures by a whole number, so that all their pixels are alike. */
function fitScale(frame: Size, stage: Size): number {
  const most = Math.min((stage.width - 2 * MARGIN) / frame.width, (stage.height - 2 * MARGIN) / frame.height);
  return most >= 2 ? Math.floor(most) : Math.max(most, 0.01);
}

/** Fractions of the frame at a point of the stage. */
export function toFrame(
  at: Point,
  { scale, left, top }: Laid,
  { width, height }: Pick<Frame, 'width' | 'height'>,
): Point {
  return { x: (at.x - left) / (scale * width), y: (at.y - top) / (scale * height) };
}

/** Closer or further, with the point `at` of the stage staying where it is; moved by `by` besides. */
export function zoomed(view: View, factor: number, { at, by, stage }: ZoomPlace): View {
  const zoom = Math.max(1, Math.min(MOST_ZOOM, view.zoom * factor));
  if (zoom === 1) return FITTED;
  const real = zoom / view.zoom;
  const shift = (from: number, middle: number, old: number) => (from - middle) * (1 - real) + old * real;
  const limit = (value: number, most: number) => Math.max(-most, Math.min(most, value));
  return {
    zoom,
    x: limit(shift(at.x, stage.width / 2, view.x) + by.x, (stage.width * zoom) / 2),
    y: limit(shift(at.y, stage.height / 2, view.y) + by.y, (stage.height * zoom) / 2),
  };
}

interface Part {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Moved as little as brings a part of the stage, in CSS pixels, into sight. */
export function inSight(view: View, { left, top, right, bottom }: Part, stage: Size): View {
  const shift = (low: number, high: number, most: number) => (low < 0 ? -low : Math.min(0, most - high));
  const by = { x: shift(left, right, stage.width), y: shift(top, bottom, stage.height) };
  return by.x === 0 && by.y === 0 ? view : zoomed(view, 1, { at: NO_MOVE, by, stage });
}

interface ZoomPlace {
  readonly at: Point;
  readonly by: Point;
  readonly stage: Size;
}

export const NO_MOVE: Point = { x: 0, y: 0 };
