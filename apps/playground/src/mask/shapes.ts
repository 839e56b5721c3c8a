import { pixelBox, type Box, type Frame, type Point } from './frame.ts';

/* Which pixels a drawn shape covers: 1 for each, row by row. */

type Size = Pick<Frame, 'width' | 'height'>;

/** A line thinner than this, in pixels, would slip through between their centres. */
const LEAST_RADIUS = 0.71;

/** The rectangle between two corners, at least one pixel. */
export function rectanglePixels(from: Point, to: Point, size: Size): Uint8Array {
  const box: Box = {
    x0: Math.min(from.x, to.x),
    y0: Math.min(from.y, to.y),
    x1: Math.max(from.x, to.x),
    y1: Math.max(from.y, to.y),
  };
  return boxPixels(box, size);
}

export function boxPixels(box: Box, size: Size): Uint8Array {
  const { left, top, right, bottom } = pixelBox(box, size);
  const pixels = new Uint8Array(size.width * size.height);
  for (let y = top; y < bottom; y++) pixels.fill(1, y * size.width + left, y * size.width + right);
  return pixels;
}

/** A line with round ends; `breadth` is a fraction of the frame's shorter edge. */
export function strokePixels(points: readonly Point[], breadth: number, size: Size): Uint8Array {
  const { width, height } = size;
  const pixels = new Uint8Array(width * height);
  const radius = Math.max(LEAST_RADIUS, (breadth * Math.min(width, height)) / 2);
  const scaled = points.map(({ x, y }) => ({ x: x * width, y: y * height }));
  for (const [index, to] of scaled.entries()) {
    const from = scaled[Math.max(0, index - 1)]!;
    const firstX = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
    const lastX = Math.min(width - 1, Math.ceil(Math.max(from.x, to.x) + radius));
    const firstY = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
    const lastY = Math.min(height - 1, Math.ceil(Math.max(from.y, to.y) + radius));
    for (let y = firstY; y <= lastY; y++) {
      for (let x = firstX; x <= lastX; x++) {
        if (distance({ x: x + 0.5, y: y + 0.5 }, from, to) <= radius) pixels[y * width + x] = 1;
      }
    }
  }
  return pixels;
}

/** A line with so many points that no token between them is left out. */
export function between(points: readonly Point[], { columns, rows }: Frame): readonly Point[] {
  return points.flatMap((to, index) => {
    const from = points[Math.max(0, index - 1)]!;
    const steps = Math.ceil(4 * Math.max(Math.abs(to.x - from.x) * columns, Math.abs(to.y - from.y) * rows));
    const part = (step: number) => (steps === 0 ? 1 : (step + 1) / steps);
    return Array.from({ length: Math.max(1, steps) }, (_, step) => ({
      x: from.x + (to.x - from.x) * part(step),
      y: from.y + (to.y - from.y) * part(step),
    }));
  });
}

/** From a point to a line between two others. */
function distance(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const part = length === 0 ? 0 : ((point.x - from.x) * dx + (point.y - from.y) * dy) / length;
  const at = Math.max(0, Math.min(1, part));
  return Math.hypot(point.x - from.x - at * dx, point.y - from.y - at * dy);
}

/** What a closed line goes around; where it crosses itself, inside and outside alternate. */
export function lassoPixels(points: readonly Point[], { width, height }: Size): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const middle = (y + 0.5) / height;
    const crossings = points.flatMap((from, index) => {
      const to = points[(index + 1) % points.length]!;
      if (from.y > middle === to.y > middle) return [];
      return from.x + ((middle - from.y) / (to.y - from.y)) * (to.x - from.x);
    });
    crossings.sort((one, other) => one - other);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const first = Math.max(0, Math.ceil(crossings[pair]! * width - 0.5));
      const last = Math.min(width - 1, Math.ceil(crossings[pair + 1]! * width - 0.5) - 1);
      if (last >= first) pixels.fill(1, y * width + first, y * width + last + 1);
    }
  }
  return pixels;
}

/**
 * The same in whole tokens: those of which at least half is covered, and those under one of `anchors`, so that a tap always
 * takes one.
 */
export function wholeTokens(pixels: Uint8Array, anchors: readonly Point[], frame: Frame): Uint8Array {
  const { width, height, columns, rows } = frame;
  const tokenOf = (x: number, y: number) =>
    Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
  const [covered, all] = [new Uint32Array(rows * columns), new Uint32Array(rows * columns)];
  const owner = Uint32Array.from(pixels, (_, pixel) => tokenOf(pixel % width, Math.floor(pixel / width)));
  for (const [pixel, token] of owner.entries()) {
    all[token]!++;
    covered[token]! += pixels[pixel]!;
  }
  const taken = covered.map((count, token) => (count > 0 && 2 * count >= all[token]! ? 1 : 0));
  for (const { x, y } of anchors) {
    if (x < 0 || y < 0 || x >= 1 || y >= 1) continue;
    taken[Math.floor(y * rows) * columns + Math.floor(x * columns)] = 1;
  }
  return Uint8Array.from(owner, (token) => taken[token]!);
}
