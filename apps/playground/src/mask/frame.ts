import type { Model, TokenMap } from '../api/operations.ts';

/** Fractions of the frame, from its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle in fractions of the frame, as the API has it. */
export interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export const WHOLE: Box = { x0: 0, y0: 0, x1: 1, y1: 1 };

/** What a model sees: its pixels, and over them the grid of its tokens. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  /** 1 is gray. */
  readonly channels: number;
  readonly columns: number;
  readonly rows: number;
}

/** The tokens that matter are those of the last map, the finest one. */
export function frameOf({ image, layout }: Pick<Model, 'image' | 'layout'>): Frame {
  const { width: columns, height: rows } = layout.at(-1) as TokenMap;
  return { width: image.width, height: image.height, channels: image.channels, columns, rows };
}

/** A rectangle of whole pixels; `right` and `bottom` are not part of it. */
interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** At least one pixel each way, inside of the frame: as the server rounds a box. */
export function pixelBox({ x0, y0, x1, y1 }: Box, { width, height }: Pick<Frame, 'width' | 'height'>): PixelBox {
  const left = Math.max(0, Math.min(width - 1, Math.round(x0 * width)));
  const top = Math.max(0, Math.min(height - 1, Math.round(y0 * height)));
  return {
    left,
    top,
    right: Math.min(width, Math.max(left + 1, Math.round(x1 * width))),
    bottom: Math.min(height, Math.max(top + 1, Math.round(y1 * height))),
  };
}

/** The tokens whose patch covers a pixel, along one axis: two where the border between them cuts through it. */
function tokensOver(at: number, pixels: number, tokens: number): readonly [first: number, last: number] {
  return [Math.floor((at * tokens) / pixels), Math.ceil(((at + 1) * tokens) / pixels) - 1];
}

/** 1 for each token that is drawn again, row by row: a token stays only if every pixel under it does. */
export function freedTokens(mask: Uint8Array, { width, height, columns, rows }: Frame): Uint8Array {
  const freed = new Uint8Array(rows * columns);
  for (const [pixel, redrawn] of mask.entries()) {
    if (!redrawn) continue;
    const [top, bottom] = tokensOver(Math.floor(pixel / width), height, rows);
    const [left, right] = tokensOver(pixel % width, width, columns);
    for (let row = top; row <= bottom; row++) freed.fill(1, row * columns + left, row * columns + right + 1);
  }
  return freed;
}
