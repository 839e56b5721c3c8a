import type { Cut } from '../mask/cut.ts';
import type { Frame, Point } from '../mask/frame.ts';
import { chosenCells, type CellCursor } from './keys.ts';
import type { Laid } from './view.ts';

export interface Scene {
  readonly cut: Cut;
  /** 1 for each pixel that is redrawn. */
  readonly mask: Uint8Array;
  /** 1 for each token that is. */
  readonly freed: Uint8Array;
  readonly frame: Frame;
  readonly cursor: CellCursor | null;
  /** A line that is being drawn, and the brush: radius in pixels of the frame. */
  readonly line: readonly Point[] | null;
  readonly brush: { readonly at: Point; readonly radius: number } | null;
}

/** From the page's own variables, which forced colours replace. */
interface Colours {
  readonly mark: string;
  readonly paper: string;
  readonly ink: string;
}

/** The canvas has them as its own colours: variables that are asked for by name are not resolved. */
export function coloursOf(canvas: HTMLCanvasElement): Colours {
  const { color, backgroundColor, outlineColor } = getComputedStyle(canvas);
  return { mark: color, paper: backgroundColor, ink: outlineColor };
}

/** From this side on a picture looks better smoothed than as squares. */
const FINE = 192;
/** Cells smaller than this, in CSS pixels, would be hidden by the lines between them. */
const LEAST_CELL = 5;

/** Everything on the stage, in CSS pixels. */
export function drawStage(context: CanvasRenderingContext2D, scene: Scene, at: { laid: Laid; colours: Colours }): void {
  const { frame } = scene;
  const { left, top, scale } = at.laid;
  const [width, height] = [frame.width * scale, frame.height * scale];
  context.save();
  context.translate(left, top);
  context.imageSmoothingEnabled = frame.width >= FINE;
  context.drawImage(pictureOf(scene, at.colours), 0, 0, width, height);
  drawMask(context, scene, at);
  drawGrid(context, frame, at);
  outlineFreed(context, scene, at);
  if (scene.cursor) drawCursor(context, scene.cursor, { frame, ...at });
  drawTool(context, scene, at);
  context.restore();
}

type At = { readonly laid: Laid; readonly colours: Colours };

/** Where nothing is known of the picture it is plain: what the tokenizer sees there is nothing that one would keep. */
function pictureOf({ cut, frame }: Scene, { paper }: Colours): OffscreenCanvas {
  const canvas = new OffscreenCanvas(frame.width, frame.height);
  const context = canvas.getContext('2d')!;
  context.putImageData(new ImageData(cut.rgba, frame.width, frame.height), 0, 0);
  context.fillStyle = paper;
  fillPixels(context, cut.unknown, frame);
  return canvas;
}

/** Runs of a row at once. */
function fillPixels(context: OffscreenCanvasRenderingContext2D, pixels: Uint8Array, { width, height }: Frame): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!pixels[y * width + x]) continue;
      const first = x;
      while (x < width && pixels[y * width + x]) x++;
      context.fillRect(first, y, x - first, 1);
    }
  }
}

/** What is redrawn is tinted and hatched: told by more than a colour. */
function drawMask(context: CanvasRenderingContext2D, { mask, frame }: Scene, { laid: { scale }, colours }: At): void {
  const [width, height] = [frame.width * scale, frame.height * scale];
  const canvas = new OffscreenCanvas(frame.width, frame.height);
  const tint = canvas.getContext('2d')!;
  tint.fillStyle = colours.mark;
  fillPixels(tint, mask, frame);
  context.save();
  context.imageSmoothingEnabled = false;
  context.globalAlpha = 0.5;
  context.drawImage(canvas, 0, 0, width, height);
  context.globalAlpha = 0.55;
  clipToPixels(context, mask, { frame, scale });
  context.strokeStyle = colours.paper;
  context.lineWidth = 1;
  context.beginPath();
  for (let offset = 7; offset < width + height; offset += 7) {
    context.moveTo(offset, 0);
    context.lineTo(offset - height, height);
  }
  context.stroke();
  context.restore();
}

function clipToPixels(
  context: CanvasRenderingContext2D,
  pixels: Uint8Array,
  at: { frame: Frame; scale: number },
): void {
  const { width, height } = at.frame;
  context.beginPath();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!pixels[y * width + x]) continue;
      const first = x;
      while (x < width && pixels[y * width + x]) x++;
      context.rect(first * at.scale, y * at.scale, (x - first) * at.scale, at.scale);
    }
  }
  context.clip();
}

function drawGrid(context: CanvasRenderingContext2D, frame: Frame, { laid: { scale } }: At): void {
  const [width, height] = [frame.width * scale, frame.height * scale];
  context.strokeStyle = 'rgb(128 128 128 / 55%)';
  context.lineWidth = 1;
  context.strokeRect(-0.5, -0.5, width + 1, height + 1);
  if (Math.min(width / frame.columns, height / frame.rows) < LEAST_CELL) return;
  context.beginPath();
  for (let column = 1; column < frame.columns; column++) {
    const x = Math.round((column * width) / frame.columns) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, height);
  }
  for (let row = 1; row < frame.rows; row++) {
    const y = Math.round((row * height) / frame.rows) + 0.5;
    context.moveTo(0, y);
    context.lineTo(width, y);
  }
  context.stroke();
}

/** Around the tokens that are drawn again, which may be more than what is marked. */
function outlineFreed(context: CanvasRenderingContext2D, { freed, frame }: Scene, { laid, colours }: At): void {
  const { rows, columns } = frame;
  const [width, height] = [(frame.width * laid.scale) / columns, (frame.height * laid.scale) / rows];
  const isFree = (row: number, column: number) =>
    row >= 0 && column >= 0 && row < rows && column < columns && freed[row * columns + column] === 1;
  context.beginPath();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!isFree(row, column)) continue;
      const [x, y] = [column * width, row * height];
      const edges = [
        [isFree(row - 1, column), x, y, x + width, y],
        [isFree(row + 1, column), x, y + height, x + width, y + height],
        [isFree(row, column - 1), x, y, x, y + height],
        [isFree(row, column + 1), x + width, y, x + width, y + height],
      ] as const;
      for (const [isInner, fromX, fromY, toX, toY] of edges) {
        if (isInner) continue;
        context.moveTo(fromX, fromY);
        context.lineTo(toX, toY);
      }
    }
  }
  twice(context, colours.mark, colours.paper);
}

interface CursorAt extends At {
  readonly frame: Frame;
}

function drawCursor(context: CanvasRenderingContext2D, cursor: CellCursor, { frame, laid, colours }: CursorAt): void {
  const [width, height] = [(frame.width * laid.scale) / frame.columns, (frame.height * laid.scale) / frame.rows];
  const { top, bottom, left, right } = chosenCells(cursor);
  context.beginPath();
  context.rect(left * width + 1, top * height + 1, (right - left) * width - 2, (bottom - top) * height - 2);
  twice(context, colours.ink, colours.paper);
}

function drawTool(context: CanvasRenderingContext2D, { line, brush, frame }: Scene, { laid, colours }: At): void {
  const { scale } = laid;
  context.beginPath();
  if (line) {
    for (const { x, y } of line) context.lineTo(x * frame.width * scale, y * frame.height * scale);
  }
  if (brush) {
    context.moveTo((brush.at.x * frame.width + brush.radius) * scale, brush.at.y * frame.height * scale);
    context.arc(
      brush.at.x * frame.width * scale,
      brush.at.y * frame.height * scale,
      brush.radius * scale,
      0,
      2 * Math.PI,
    );
  }
  twice(context, colours.ink, colours.paper);
}

/** A line that is seen on light and on dark pictures. */
function twice(context: CanvasRenderingContext2D, inner: string, outer: string): void {
  context.lineJoin = 'round';
  context.strokeStyle = outer;
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = inner;
  context.lineWidth = 2;
  context.stroke();
}
